"""The registered model gives the module's dt anywhere, without this package."""

import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from aitimestepper.tracking.export import save_model

FRESH = """
import sys
import mlflow, numpy, torch
torch.cuda.is_available = lambda: True  # a machine with a GPU loads it just as well
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model("models:/pair@current")
bodies = numpy.load(sys.argv[2] + "/bodies.npy")
for rows in (1, 7):
    numpy.save(f"{sys.argv[2]}/{rows}.npy", model.predict(bodies[:rows]))
assert not any(name.startswith("aitimestepper") for name in sys.modules)
"""


@pytest.mark.usefixtures("logged")
def test_fresh_process_predicts_what_the_module_gives(uri, module, bodies, tmp_path):
    np.save(tmp_path / "bodies.npy", bodies)
    subprocess.run([sys.executable, "-c", FRESH, uri, tmp_path], check=True, cwd=tmp_path)
    truth = module(torch.from_numpy(bodies)).detach().numpy()
    for rows in (1, 7):
        dt = np.load(tmp_path / f"{rows}.npy")
        assert dt.dtype == np.float64
        np.testing.assert_allclose(dt, truth[:rows], rtol=4 * np.finfo(float).eps)


def test_version_carries_alias_identity_run_and_metadata(logged):
    run, version = logged
    found = run.client.get_model_version_by_alias("pair", "current")
    assert (str(found.version), found.run_id) == (version, run.run_id)
    assert found.tags == {"aitimestepper.dataset": "uuid@8:abc", "aitimestepper.bodies": "2"}


def test_each_model_is_an_output_of_the_run(logged):
    run, _ = logged
    outputs = run.client.get_run(run.run_id).outputs.model_outputs
    models = [run.client.get_logged_model(output.model_id) for output in outputs]
    assert [(model.name, model.status.value) for model in models] == [("pair", "READY")] * 2


@pytest.mark.usefixtures("logged")
def test_logging_leaves_the_module_as_it_was(module):
    assert module.training
    assert next(module.parameters()).requires_grad


def written(folder, module, example):
    from mlflow.models import Model

    checkpoint = folder / "checkpoint.pt"
    checkpoint.write_bytes(b"weights")
    save_model(module, example, folder / "model", checkpoint, Model())
    return folder / "model"


def test_nothing_in_the_model_is_a_pickle(tmp_path, module, bodies):
    model = written(tmp_path, module, bodies)
    assert not list(model.rglob("*.pkl")) + list(model.rglob("*.pth"))
    with zipfile.ZipFile(model / "data" / "model.pt2") as archive:
        assert not any(archive.read(entry).startswith(b"\x80") for entry in archive.namelist())


def test_requirements_are_pinned_to_what_is_installed(tmp_path, module, bodies):
    lines = (written(tmp_path, module, bodies) / "requirements.txt").read_text().split()
    torch_version = torch.__version__.partition("+")[0]
    assert [line.partition("==")[0] for line in lines] == ["mlflow", "torch", "numpy"]
    assert f"torch=={torch_version}" in lines


class Shaped(nn.Module):
    """A module spoilt by `spoil`, which sees bodies and their sum per system."""

    def __init__(self, spoil):
        super().__init__()
        self.spoil = spoil

    def forward(self, bodies):
        """Maps (B, N, 1 + 2 D) to whatever `spoil` makes of it."""
        return self.spoil(bodies, bodies.sum((1, 2)))


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda bodies, dt: dt if len(bodies) == 8 else 2 * dt, "for 1 systems"),
        (lambda _, dt: dt[:, None], r"with shape \(8, 1\)"),
        (lambda _, dt: dt.float(), "torch.float32"),
    ],
    ids=["depends on the batch", "one axis too many", "single precision"],
)
def test_unfit_module_is_refused(tmp_path, bodies, spoil, complaint):
    with pytest.raises(ValueError, match=complaint):
        written(tmp_path, Shaped(spoil), bodies)


@pytest.mark.parametrize("example", [np.ones((2, 5)), np.ones((2, 2, 5), dtype="f4")])
def test_unfit_example_is_refused(tmp_path, module, example):
    with pytest.raises(ValueError, match="float64 bodies with shape"):
        written(tmp_path, module, example)
