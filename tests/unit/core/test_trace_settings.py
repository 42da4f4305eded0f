"""Traces are switched on by OpenTelemetry's own names."""

from __future__ import annotations

import re

import pytest

from core.settings import SettingsError, Traces, from_environment
from tests.support.processes.servers import stack_environment

ENVIRONMENT = stack_environment("postgresql://localhost/none", "redis://localhost/0")
ON = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}


def traces(**settings: str) -> Traces | None:
    return from_environment({**ENVIRONMENT, **settings}).traces


def test_without_an_endpoint_there_are_none() -> None:
    assert traces() is None
    assert traces(OTEL_SERVICE_NAME="bookings", OTEL_TRACES_SAMPLER="always_on") is None
    assert traces(**ON, OTEL_SDK_DISABLED="true") is None


def test_with_one_a_tenth_of_the_requests_is_traced() -> None:
    assert traces(**ON) == Traces("http://collector:4318/v1/traces", (), None, None, (), 0.1, parent_based=True)


def test_an_endpoint_for_traces_is_taken_as_it_is() -> None:
    told = {**ON, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://other:443/spans/here"}
    found = traces(**told)
    assert found is not None
    assert found.endpoint == "https://other:443/spans/here"


@pytest.mark.parametrize(
    ("sampler", "ratio", "expected"),
    [
        ("always_on", "", (1.0, False)),
        ("always_off", "", (0.0, False)),
        ("traceidratio", "0.25", (0.25, False)),
        ("parentbased_always_on", "0.25", (1.0, True)),
        ("parentbased_always_off", "", (0.0, True)),
        ("parentbased_traceidratio", "1", (1.0, True)),
        ("", "0.0001", (0.0001, True)),
    ],
)
def test_samplers_have_their_standard_names(sampler: str, ratio: str, expected: tuple[float, bool]) -> None:
    found = traces(**ON, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=ratio)
    assert found is not None
    assert (found.ratio, found.parent_based) == expected


def test_names_and_headers_are_lists_of_pairs() -> None:
    found = traces(
        **ON,
        OTEL_SERVICE_NAME="bookings",
        OTEL_EXPORTER_OTLP_HEADERS="api-key=a%20b%3D, x-team = one",
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=staging,team=desk",
    )
    assert found is not None
    assert found.service_name == "bookings"
    assert found.headers == (("api-key", "a b="), ("x-team", "one"))
    assert found.resource == (("deployment.environment.name", "staging"), ("team", "desk"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "grpc://collector"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/no/such/file"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "no equals sign"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "a=b%0d%0ac: d"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "=value"),
        ("OTEL_RESOURCE_ATTRIBUTES", "team"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER", "parentbased_"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.1"),
        ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
        ("OTEL_TRACES_SAMPLER_ARG", "10%"),
        ("OTEL_TRACES_SAMPLER_ARG", "nan"),
        ("OTEL_TRACES_SAMPLER_ARG", "1e-1"),
        ("OTEL_TRACES_SAMPLER_ARG", "\u0660"),
        ("OTEL_SDK_DISABLED", "perhaps"),
    ],
)
def test_what_cannot_be_used_stops_the_start_and_names_itself(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"^{re.escape(name)} cannot be used"):
        traces(**{**ON, name: value})


def test_a_header_is_a_secret_that_no_message_repeats() -> None:
    with pytest.raises(SettingsError) as problem:
        traces(**ON, OTEL_EXPORTER_OTLP_HEADERS="api-key hunter2")
    assert "hunter2" not in str(problem.value)
