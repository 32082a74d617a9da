"""ICP report (first sketch)."""


def summarise(bundle):
    return bundle.icp_document()


def render_html(summary):
    return "<html></html>"
