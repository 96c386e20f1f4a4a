"""Which weights are used is never a surprise, and no file is trusted that is not what it should be."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from shared import UserError
from shared.about import version_text
from shared.console import run
from shared.network import weights
from shared.network.layout import BUNDLED_SMALL, MIDAS_V21_SMALL
from shared.network.weights import choose_weights, load_module
from tests.conftest import REPOSITORY
from tests.support.loopback import Behaviour, serving
from tests.support.networks import made_up_module, save_checkpoint

CLOSED_URL = "http://127.0.0.1:9/midas_v21_small_256.pt"


@pytest.fixture(scope="module")
def official_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("official") / "made-up.pt", MIDAS_V21_SMALL)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, an empty torch hub and no server."""
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setenv("DEPTH_WEIGHTS_URL", CLOSED_URL)
    monkeypatch.delenv("DEPTH_WEIGHTS", raising=False)


def left_under_the_final_name(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.suffix in (".pt", ".part")]


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_official_weights_are_downloaded_resumed_verified_and_used(
    tmp_path: Path,
    official_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    content = official_checkpoint.read_bytes()
    behaviour = Behaviour(content, breaks=1)
    with serving(behaviour) as url:
        monkeypatch.setenv("DEPTH_WEIGHTS_URL", url)
        chosen = choose_weights("official")
    assert behaviour.requests == ["", f"bytes={len(content) // 2}-"]
    assert (chosen.kind, chosen.why) == ("official", "downloaded")
    assert chosen.path.is_relative_to(tmp_path / "cache")
    assert chosen.sha256 == hashlib.sha256(content).hexdigest()
    assert any("not the file that was published" in message for message in warnings_in(caplog))
    expected = made_up_module(MIDAS_V21_SMALL).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in load_module(chosen).state_dict().items())
    assert choose_weights("auto").path == chosen.path, "the next start finds it without a server"


def test_auto_without_a_server_warns_once_and_uses_the_bundled_model(
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = choose_weights()
    assert chosen.is_bundled
    (warning,) = warnings_in(caplog)
    assert "bundled demo model" in warning
    assert "127.0.0.1:9 cannot be reached" in warning
    assert CLOSED_URL in warning
    assert "--weights FILE" in warning


def test_a_slow_failure_is_not_waited_for_again(
    tmp_path: Path,
    official_checkpoint: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("shared.network.weights.SLOW_FAILURE_S", 0.0)
    behaviour = Behaviour(official_checkpoint.read_bytes(), status=503)
    with serving(behaviour) as url:
        monkeypatch.setenv("DEPTH_WEIGHTS_URL", url)
        assert choose_weights("auto").is_bundled
        asked = len(behaviour.requests)
        assert choose_weights("auto").is_bundled
        assert len(behaviour.requests) == asked, "it asked the server again"
        assert "minutes ago; --weights official tries again now" in warnings_in(caplog)[-1]
        old_s = time.time() - 2 * 3600
        os.utime(tmp_path / "cache" / "weights" / "out-of-reach.txt", (old_s, old_s))
        behaviour.status = 200
        assert choose_weights("auto").why == "downloaded", "after an hour it is tried again"


def damaged_contents() -> dict[str, Callable[[Path], bytes]]:
    def wrong_keys(_: Path) -> bytes:
        return _saved({"pretrained.layer1.0.weight": torch.zeros(3)})

    def renamed_key(official: Path) -> bytes:
        entries = torch.load(official, weights_only=True)
        entries["scratch.other"] = entries.pop("scratch.layer1_rn.weight")
        return _saved(entries)

    def wrong_shape(official: Path) -> bytes:
        entries = torch.load(official, weights_only=True)
        entries["scratch.output_conv.4.bias"] = torch.zeros(2)
        return _saved(entries)

    return {
        "wrong keys": wrong_keys,
        "renamed key": renamed_key,
        "wrong shape": wrong_shape,
        "no table": lambda _: _saved([1, 2]),
        "code inside": lambda _: _saved(print),
        "truncated": lambda official: official.read_bytes()[:-100_000],
        "HTML page": lambda _: b"<!DOCTYPE html><html><body>Log in to the hotel's network</body></html>",
        "empty": lambda _: b"",
    }


def _saved(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("damage", damaged_contents().keys())
def test_what_is_no_official_checkpoint_is_refused_and_not_kept(
    tmp_path: Path,
    official_checkpoint: Path,
    damage: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with serving(Behaviour(damaged_contents()[damage](official_checkpoint))) as url:
        monkeypatch.setenv("DEPTH_WEIGHTS_URL", url)
        exit_code = run(lambda: bool(choose_weights("official")), prog="depth-video")
    assert exit_code == 2
    message, hint = capsys.readouterr().err.splitlines()[-2:]
    assert message.startswith("depth-video: The official weights cannot be had: ")
    assert "/midas_v21_small_256.pt sent the wrong file" in message
    assert "--weights FILE" in hint
    assert not left_under_the_final_name(tmp_path)


@pytest.mark.parametrize("damage", damaged_contents().keys())
def test_what_is_no_checkpoint_is_refused_under_a_given_path(
    tmp_path: Path, official_checkpoint: Path, damage: str
) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(damaged_contents()[damage](official_checkpoint))
    with pytest.raises(UserError, match=r"^mine\.pt ") as caught:
        load_module(choose_weights(str(path)))
    assert caught.value.exit_code == 2
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("name", ["mine.safetensors", "damaged.pth"])
def test_a_damaged_file_of_any_format_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"\x10\0\0\0\0\0\0\0nothing of the kind")
    with pytest.raises(UserError, match="damaged"):
        load_module(choose_weights(str(tmp_path / name)))


def test_auto_names_what_a_bad_server_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(Behaviour(b"<html>Log in</html>")) as url:
        monkeypatch.setenv("DEPTH_WEIGHTS_URL", url)
        assert choose_weights("auto").is_bundled
    (warning,) = warnings_in(caplog)
    assert "HTML page" in warning
    assert not left_under_the_final_name(tmp_path)


@pytest.mark.parametrize("name", weights.OFFICIAL_NAMES)
def test_torch_hubs_copy_is_used_without_asking_the_network(tmp_path: Path, name: str) -> None:
    path = tmp_path / "torch" / "hub" / "checkpoints" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"stands for a checkpoint")
    assert choose_weights("auto").path == path
    assert choose_weights("official").kind == "official"


def test_torch_hubs_folder_follows_torchs_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variables in ({"TORCH_HOME": str(tmp_path)}, {"XDG_CACHE_HOME": str(tmp_path)}, {}):
        for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        assert weights.torch_hub_folder() == Path(torch.hub.get_dir()) / "checkpoints"


def test_the_published_hash_is_accepted_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cache" / "weights" / "midas_v21_small_256.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"stands for the published file")
    monkeypatch.setattr(weights, "OFFICIAL_SHA256_START", hashlib.sha256(path.read_bytes()).hexdigest()[:8])
    assert choose_weights("auto").kind == "official"
    assert not warnings_in(caplog)


@pytest.mark.parametrize("name", ["mine.pt", "mine.pth", "mine.safetensors"])
@pytest.mark.parametrize("sizes", [MIDAS_V21_SMALL, BUNDLED_SMALL], ids=["midas", "bundled"])
def test_a_path_may_hold_either_network(tmp_path: Path, name: str, sizes: weights.MidasSizes) -> None:
    chosen = choose_weights(str(save_checkpoint(tmp_path / name, sizes)))
    assert (chosen.kind, chosen.label) == ("file", name)
    module = load_module(chosen)
    assert module.sizes == sizes
    assert not module.training
    tolerance = 1e-2 if name.endswith(".safetensors") else 0.0
    for key, value in made_up_module(sizes).state_dict().items():
        assert torch.allclose(module.state_dict()[key].float(), value.float(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("spec", ["no/such/file.pt", "auto.pt"])
def test_a_missing_file_is_named(spec: str) -> None:
    with pytest.raises(UserError, match=spec):
        choose_weights(spec)


def test_an_unknown_kind_of_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"0")
    with pytest.raises(UserError, match=r"weights\.bin"):
        choose_weights(str(tmp_path / "weights.bin"))


def test_the_environment_chooses_where_the_option_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.safetensors"
    save_file({"a": torch.zeros(1)}, path)
    monkeypatch.setenv("DEPTH_WEIGHTS", str(path))
    assert choose_weights().path == path
    assert choose_weights("bundled").is_bundled


def test_choosing_imports_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(b"anything")
    code = (
        "import sys; from shared.network import choose_weights; from shared.about import version_text\n"
        f"choose_weights({str(path)!r}); choose_weights('bundled'); choose_weights('auto'); version_text()\n"
        "assert not {'torch', 'timm', 'torchvision', 'openvino', 'cv2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


def test_version_text_tells_program_weights_and_engines() -> None:
    program, chosen, engines = version_text("auto").splitlines()
    assert program.startswith("depth-viewer ")
    assert "to be downloaded, or the bundled demo model" in chosen
    assert torch.__version__.split("+")[0] in engines
    assert "bundled demo model" in version_text("bundled")
    assert "mine.onnx" in version_text("mine.onnx")
    cached = weights.download_target()
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"stands for a checkpoint")
    assert str(cached) in version_text()
