"""The API's description of itself: OpenAPI 3.1, made of the routes, types and rules that serve the requests."""

from api.openapi.operation import Content, described_by, operation, operation_of, together

__all__ = ["Content", "described_by", "operation", "operation_of", "together"]
