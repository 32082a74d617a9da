"""`docs/api.md` from the OpenAPI document, a template, and real answers that are kept shortened beside it."""
