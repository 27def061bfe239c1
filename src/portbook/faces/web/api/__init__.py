"""The same things as JSON under /api/v1, one file a family: `routes` lists its handlers.

Each is declared once, by `operations`: routing, checks and the OpenAPI 3.1 description come from
the same types (`/api/v1/openapi.json`). docs/api.md tells how it is used.
"""
