"""The fastest way that is right is found by trying, in another process; what is wrong is never shown."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import astuple, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from shared import UserError
from shared.bundled.train.evaluate import score_photos
from shared.network import choosing, verdicts
from shared.network.candidates import FLOAT32, Candidate, candidates_here, may_run
from shared.network.choosing import Choice, proving_beside
from shared.network.engine import load_engine
from shared.network.engine_openvino import OpenVinoEngine, openvino_core
from shared.network.judging import MOST_DIFFERENCE, compare, fault_of
from shared.network.verdicts import LONGEST_TRIAL_S, Subject, Trial, Verdict, read_verdict, write_verdict
from shared.network.weights import ChosenWeights, choose_weights
from shared.predictor import DepthPredictor
from shared.proving import proof_pictures
from tests.support.networks import save_openvino

BF16 = Candidate("cpu", "bf16")
BF16_PARTLY = Candidate("cpu", "bf16", 2)
PLANTED = "tests.support.planted_prover"
NEVER = threading.Event()
DEPTH_MAP = np.random.default_rng(5).normal(3, 1, (24, 32)).astype(np.float32)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEPTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def mean_weights(tmp_path: Path) -> ChosenWeights:
    """The smallest network: OpenVINO compiles it in no time."""
    return choose_weights(str(save_openvino(tmp_path / "mean.xml")))


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(choosing, "PROVER", PLANTED)
    return monkeypatch


def loaded(weights: ChosenWeights, **asked: str) -> OpenVinoEngine:
    engine = load_engine(weights, engine="openvino", **asked)
    assert isinstance(engine, OpenVinoEngine)
    return engine


def proved(weights: ChosenWeights) -> tuple[OpenVinoEngine, Verdict]:
    engine = loaded(weights)
    assert engine.choice is not None
    assert engine.choice.is_open
    engine.choice.prove(NEVER)
    assert engine.choice.adopt()
    return engine, read_verdict(engine.choice.subject)


def of(verdict: Verdict, candidate: Candidate) -> Trial:
    (trial,) = [one for one in verdict.trials if one.candidate == candidate]
    return trial


# What is right.


def test_a_scale_and_a_shift_are_no_difference() -> None:
    difference, correlation = compare(DEPTH_MAP * 7 - 3, DEPTH_MAP)
    assert difference < 1e-6
    assert correlation == pytest.approx(1)
    assert fault_of(difference, correlation) == ""


def test_the_difference_is_a_mean_share_of_the_range() -> None:
    ramp = np.linspace(0, 1, 1000, dtype=np.float32).reshape(1, -1)
    wrong = ramp + np.where(np.arange(1000) % 2, 0.01, -0.01).astype(np.float32)
    difference, correlation = compare(wrong, ramp)
    assert difference == pytest.approx(0.01 / 0.96, rel=0.01)
    assert correlation > 0.999
    assert fault_of(difference, correlation) != ""


@pytest.mark.parametrize(
    "answer",
    [
        np.random.default_rng(1).normal(size=DEPTH_MAP.shape).astype(np.float32),
        np.full_like(DEPTH_MAP, np.nan),
        np.zeros_like(DEPTH_MAP),
        -DEPTH_MAP,
    ],
    ids=["noise", "not finite", "flat", "far is near"],
)
def test_what_is_no_depth_is_at_fault(answer: np.ndarray) -> None:
    assert fault_of(*compare(answer, DEPTH_MAP)) != "" or compare(answer, DEPTH_MAP)[1] < 0


def test_the_pictures_are_natural_sized_and_different() -> None:
    pictures = proof_pictures()
    assert len(pictures) == 6
    assert all(picture.shape == (240, 320, 3) and picture.std() > 10 for picture in pictures)


# What is tried.


def test_what_openvino_lists_is_a_candidate() -> None:
    assert candidates_here(["CPU"], ["FP32"], has_parts=True) == []
    assert candidates_here(["CPU"], ["BF16", "FP32"], has_parts=False) == [BF16]
    partly = candidates_here(["CPU", "GPU.0", "GPU.1", "NPU"], ["BF16"], has_parts=True)
    assert partly[:2] == [BF16, BF16_PARTLY]
    assert partly[-2:] == [Candidate("gpu", "own"), Candidate("npu", "own")]


def test_only_what_was_asked_for_may_run() -> None:
    assert may_run(FLOAT32, "cpu", "auto")
    assert may_run(BF16_PARTLY, "auto", "bf16")
    assert not may_run(FLOAT32, "auto", "bf16")
    assert not may_run(Candidate("gpu", "own"), "cpu", "auto")


def test_hardly_faster_is_not_worth_it() -> None:
    def verdict(of_float32: float) -> Verdict:
        return Verdict((Trial(FLOAT32, 10, 1.0, 0, 1), Trial(BF16, 9, of_float32, 0.001, 1.0)))

    for share, expected in ((0.6, BF16), (0.97, FLOAT32), (1.5, FLOAT32)):
        best = verdict(share).best("auto", "auto")
        assert best is not None
        assert best.candidate == expected
    assert verdict(1.5).best("auto", "bf16").candidate == BF16, "asked for by name"  # type: ignore[union-attr]


# Planted faults.


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("noise", "too far from float32"),
        ("nan", "not finite"),
        ("crash", "the process ended while it was tried"),
        ("crash at compile", "the process ended while it was tried"),
        ("raise", "the driver is too old"),
        ("shape", "float32's is"),
    ],
)
def test_a_fault_is_found_remembered_and_never_shown(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    planted.setenv("PLANTED", fault)
    engine, verdict = proved(mean_weights)
    assert reason in of(verdict, BF16).fault
    assert of(verdict, BF16_PARTLY).is_right, "the others are tried all the same"
    assert engine._candidate == BF16_PARTLY
    planted.setattr(Choice, "_start", None)
    again = loaded(mean_weights)
    assert again.choice is not None
    assert not again.choice.is_open, "what is known is not tried again"
    assert again._candidate == BF16_PARTLY


@pytest.mark.parametrize("fault", ["none", "noise", "nan", "crash at compile"])
def test_a_graphics_unit_is_used_only_where_it_is_right(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch, fault: str
) -> None:
    """On a machine that has one, and an NPU that is right; both are stood in for."""
    gpu, npu = Candidate("gpu", "own"), Candidate("npu", "own")
    planted.setenv("PLANTED", fault)
    planted.setenv("PLANTED_DEVICES", "CPU GPU.0 GPU.1 NPU")
    engine, verdict = proved(mean_weights)
    assert [trial.candidate for trial in verdict.trials] == [FLOAT32, gpu, npu]
    assert of(verdict, gpu).is_right == (fault == "none")
    assert of(verdict, npu).is_right
    assert engine._candidate in ((gpu, npu) if fault == "none" else (npu,))
    assert loaded(mean_weights, device="cpu")._candidate == FLOAT32


def test_what_hangs_is_given_up(mean_weights: ChosenWeights, planted: pytest.MonkeyPatch) -> None:
    planted.setenv("PLANTED", "hang")
    planted.setenv("LONGEST_TRIAL_S", "5")
    _, verdict = proved(mean_weights)
    assert "ended while it was tried" in of(verdict, BF16).fault


def test_what_is_right_and_faster_runs(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    planted.setenv("PLANTED", "none")
    caplog.set_level(logging.INFO)
    engine, verdict = proved(mean_weights)
    assert engine._candidate == BF16
    assert of(verdict, BF16).difference < 1e-4
    assert [trial.candidate for trial in verdict.trials] == [FLOAT32, BF16], "the rest of its kind is slower"
    table = [record.getMessage() for record in caplog.records if "engine tried" in record.getMessage()]
    assert len(table) == 2
    assert "cpu bf16" in engine.description


def test_what_is_right_and_slower_does_not(mean_weights: ChosenWeights, planted: pytest.MonkeyPatch) -> None:
    planted.setenv("PLANTED", "slow")
    engine, verdict = proved(mean_weights)
    assert of(verdict, BF16).is_right
    assert engine._candidate == FLOAT32


def test_asked_for_by_name_it_runs_with_a_warning(
    mean_weights: ChosenWeights, caplog: pytest.LogCaptureFixture
) -> None:
    engine = loaded(mean_weights)
    assert engine.choice is not None
    subject = engine.choice.subject
    far = Trial(BF16, difference=0.061, correlation=0.97, fault="too far from float32")
    write_verdict(subject, Verdict((Trial(FLOAT32, 10, 1, 0, 1), far), is_done=True))
    engine = loaded(mean_weights, precision="bf16")
    assert engine._candidate == BF16
    (line,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "6.10 %" in line
    assert "0.9700" in line


def test_asked_for_by_name_it_is_tried_before_it_runs(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch
) -> None:
    planted.setenv("PLANTED", "crash")
    assert loaded(mean_weights, precision="bf16")._candidate == BF16_PARTLY
    assert loaded(mean_weights, precision="f32")._candidate == FLOAT32


def test_what_only_crashes_is_an_error_where_it_is_asked_for(mean_weights: ChosenWeights) -> None:
    engine = loaded(mean_weights)
    assert engine.choice is not None
    crashed = Trial(BF16, fault="the process ended while it was tried")
    write_verdict(engine.choice.subject, Verdict((Trial(FLOAT32, 10, 1, 0, 1), crashed), is_done=True))
    with pytest.raises(UserError, match="--precision bf16 cannot run on this machine: the process ended"):
        loaded(mean_weights, precision="bf16")
    assert loaded(mean_weights)._candidate == FLOAT32


def test_a_device_that_openvino_does_not_find_is_an_error(mean_weights: ChosenWeights) -> None:
    if "NPU" in openvino_core().available_devices:
        pytest.skip("this machine has one")
    with pytest.raises(UserError, match="--device npu cannot run on this machine: OpenVINO finds no such"):
        loaded(mean_weights, device="npu")


def test_a_precision_is_not_for_a_gpu(mean_weights: ChosenWeights) -> None:
    with pytest.raises(UserError, match="--precision f32 is for the CPU"):
        loaded(mean_weights, device="gpu", precision="f32")


# The other process.


def test_it_ends_with_us_without_blame(mean_weights: ChosenWeights, planted: pytest.MonkeyPatch) -> None:
    planted.setenv("PLANTED", "hang")
    engine = loaded(mean_weights)
    assert engine.choice is not None
    subject = engine.choice.subject
    with proving_beside(engine.choice):
        while read_verdict(subject).trying is None:
            time.sleep(0.02)
        assert engine.infer(np.ones((1, 3, 32, 32), np.float32)).mean() == pytest.approx(1), "we go on"
    left = read_verdict(subject)
    assert left.trying is None
    assert not left.is_done
    assert engine._candidate == FLOAT32


def test_a_running_engine_changes_when_the_proof_is_there(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch
) -> None:
    planted.setenv("PLANTED", "none")
    engine = loaded(mean_weights)
    network_input = np.ones((1, 3, 32, 32), np.float32)
    with proving_beside(engine.choice):
        deadline_s = time.monotonic() + 120
        while engine._candidate == FLOAT32 and time.monotonic() < deadline_s:
            assert engine.infer(network_input).mean() == pytest.approx(1)
    assert engine._candidate == BF16


def test_what_is_proved_too_late_is_for_the_next_start(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch
) -> None:
    planted.setenv("PLANTED", "none")
    engine = loaded(mean_weights)
    assert engine.choice is not None
    with proving_beside(engine.choice, wait_s=0):
        deadline_s = time.monotonic() + 120
        while not read_verdict(engine.choice.subject).is_done and time.monotonic() < deadline_s:
            time.sleep(0.02)
        assert engine._candidate == FLOAT32, "a conversion does not change on the way"
    assert loaded(mean_weights)._candidate == BF16


def test_two_do_not_try_at_once(mean_weights: ChosenWeights, planted: pytest.MonkeyPatch) -> None:
    planted.setenv("PLANTED", "none")
    engine = loaded(mean_weights)
    assert engine.choice is not None
    others = replace(Verdict().begin(BF16), pid=1)
    write_verdict(engine.choice.subject, others)
    engine.choice.prove(NEVER)
    assert read_verdict(engine.choice.subject) == others
    assert engine._candidate == FLOAT32


def test_who_died_long_ago_is_not_waited_for(
    mean_weights: ChosenWeights, planted: pytest.MonkeyPatch
) -> None:
    planted.setenv("PLANTED", "none")
    engine = loaded(mean_weights)
    assert engine.choice is not None
    long_ago_s = time.time() - LONGEST_TRIAL_S - 1
    write_verdict(engine.choice.subject, replace(Verdict().begin(BF16), pid=1, since_s=long_ago_s))
    engine.choice.prove(NEVER)
    verdict = read_verdict(engine.choice.subject)
    assert verdict.is_done
    assert "ended while it was tried" in of(verdict, BF16).fault


def test_a_folder_where_nothing_can_be_kept_leaves_float32(
    tmp_path: Path, mean_weights: ChosenWeights, planted: pytest.MonkeyPatch
) -> None:
    planted.setenv("PLANTED", "none")
    (tmp_path / "cache").write_text("a file stands where the folder should be")
    engine = loaded(mean_weights)
    with proving_beside(engine.choice, wait_s=60):
        assert engine._candidate == FLOAT32


def test_other_weights_another_size_another_version_are_tried_anew(
    mean_weights: ChosenWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject(mean_weights.path, "", mean_weights.sha256, 256)
    write_verdict(subject, Verdict((Trial(FLOAT32),), is_done=True))
    assert read_verdict(subject).is_done
    assert not read_verdict(replace(subject, size=384)).is_done
    assert not read_verdict(replace(subject, sha256="0" * 64)).is_done
    for name in ("processor", "openvino_version"):
        with monkeypatch.context() as patched:
            patched.setattr(verdicts, name, lambda: "another")
            assert not read_verdict(subject).is_done


def test_what_cannot_be_compiled_after_all_falls_back_to_float32(
    mean_weights: ChosenWeights, caplog: pytest.LogCaptureFixture
) -> None:
    engine = loaded(mean_weights)
    engine.run_as(Candidate("nowhere", "own"), or_float32=True)
    assert engine.infer(np.ones((1, 3, 32, 32), np.float32)).mean() == pytest.approx(1)
    assert "float32 runs" in caplog.text


# The real thing.


def needs_bf16() -> None:
    if "BF16" not in openvino_core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bfloat16")


def test_the_built_in_model_runs_as_what_is_right_on_photos_too(reference_folder: Path) -> None:
    needs_bf16()
    engine, verdict = proved(choose_weights("bundled"))
    assert verdict.is_done
    assert all(trial.answers for trial in verdict.trials), verdict.trials
    chosen, exact = DepthPredictor(engine), DepthPredictor(loaded(choose_weights("bundled"), precision="f32"))
    for path in sorted((reference_folder / "rgbd").glob("*.jpg")):
        photo_bgr = cv2.imread(str(path))
        assert photo_bgr is not None
        difference, _ = compare(chosen.predict(photo_bgr), exact.predict(photo_bgr))
        assert difference < 2 * MOST_DIFFERENCE, path.name
    one, other = (score_photos(it.predict, reference_folder / "rgbd") for it in (chosen, exact))
    means = [np.mean([astuple(score) for score, _ in scores.values()], axis=0) for scores in (one, other)]
    assert np.abs(means[0] - means[1]).max() < 1e-3, "the third digit of what is measured on photos"


def test_the_first_parts_of_the_encoder_stay_in_float32() -> None:
    needs_bf16()
    engine = loaded(choose_weights("bundled"), precision="f32")
    shares = []
    for parts in (0, 2, 3):
        engine.run_as(Candidate("cpu", "bf16", parts))
        layers = [
            layer.get_rt_info() for layer in engine._compile((1, 3, 64, 64)).get_runtime_model().get_ops()
        ]
        convolutions = [layer for layer in layers if layer["layerType"].astype(str) == "Convolution"]
        exact = [layer for layer in convolutions if layer["runtimePrecision"].astype(str) == "f32"]
        shares.append(len(exact) / len(convolutions))
    assert shares[0] == 0
    assert 0.1 < shares[1] < shares[2] < 0.6
