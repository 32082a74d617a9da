def render(bundle):
    return "# card"
