"""The address of a model leads to the very bytes of its checkpoint."""

import pytest

from aitimestepper.tracking import TrackingError, fetch_checkpoint


@pytest.fixture(params=["/1", "/latest", "@current", "@latest", "runs", "logged"])
def address(request, logged):
    run, _ = logged
    newest = run.client.get_run(run.run_id).outputs.model_outputs[-1].model_id
    other = {"runs": f"runs:/{run.run_id}/pair", "logged": f"models:/{newest}"}
    return other.get(request.param, f"models:/pair{request.param}")


def test_checkpoint_comes_back_byte_for_byte(uri, address, checkpoint, tmp_path):
    fetched = fetch_checkpoint(address, uri, tmp_path / "fetched")
    assert fetched.read_bytes() == checkpoint.read_bytes()
    assert fetched.name == checkpoint.name
    assert tmp_path in fetched.parents


@pytest.mark.usefixtures("logged")
def test_local_checkpoint_is_read_where_it_lies(uri, checkpoint):
    fetched = fetch_checkpoint("models:/pair/1", uri)
    assert fetched.read_bytes() == checkpoint.read_bytes()
    assert "artifacts" in fetched.parts


def test_latest_is_the_highest_version(logged, uri):
    _, version = logged
    assert version == "2"
    assert fetch_checkpoint("models:/pair/latest", uri) == fetch_checkpoint("models:/pair/2", uri)


@pytest.mark.parametrize(
    ("address", "complaint"),
    [
        ("models:/pair/99", "version=99"),
        ("models:/nobody/1", "nobody"),
        ("models:/nobody/latest", "nobody"),
        ("models:/pair@champion", "champion"),
        ("runs:/0123/pair", "0123"),
        ("models:/m-0123", "m-0123"),
        ("models:/pair", "Expected models:/NAME/VERSION"),
        ("/etc/passwd", "Expected models:/NAME/VERSION"),
        ("models:/../1/extra", "Expected models:/NAME/VERSION"),
    ],
)
@pytest.mark.usefixtures("logged")
def test_wrong_address_is_named_in_one_line(uri, address, complaint):
    with pytest.raises(TrackingError, match=complaint) as caught:
        fetch_checkpoint(address, uri)
    assert "\n" not in str(caught.value)


def test_run_without_that_model_is_named(run, uri):
    with pytest.raises(TrackingError, match=f"{run.run_id} has no model 'pair'"):
        fetch_checkpoint(f"runs:/{run.run_id}/pair", uri)
