"""What runs on a node: it loads the network once and does one task after the other. Knows nothing of Ray."""

from __future__ import annotations

import logging
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared import NetworkChoice, UserError
from shared.media import FFMPEG_THREADS_VARIABLE, ffmpeg_version
from shared.options import version
from shared.tuning import keep_freed_memory, share_cores
from video.batch import SIDE_BY_SIDE, load_predictor
from video.cluster.tasks import Bench, Task
from video.convert import describe_model
from video.settings import ConvertSettings

logger = logging.getLogger(__name__)

SHARED_HINT = "Inputs and outputs must lie in a folder that every node sees under the same path."


@dataclass(frozen=True)
class Hello:
    """What a worker that is ready says of itself. model: as `describe_model` has it."""

    model: dict[str, Any]
    versions: dict[str, str]


@dataclass(frozen=True)
class Failure:
    """Why a task was not done. is_final: it would fail anywhere."""

    message: str
    hint: str
    is_final: bool = False

    @property
    def error(self) -> UserError:
        return UserError(self.message, self.hint, exit_code=2 if self.is_final else 1)


class Worker:
    """One worker of a node.

    node: its name, for sentences. cores: how many it may keep busy. sign: a file that the driver has put into
    the folder of the outputs; who does not see it does not see the outputs.
    """

    def __init__(
        self, node: str, cores: int, network: NetworkChoice, settings: ConvertSettings, sign: Path
    ) -> None:
        self._node, self._cores, self._network = node, cores, network
        self._settings, self._sign = settings, sign
        self._cancel = threading.Event()
        self._seen: tuple[int, int | None] = (0, None)
        self._bench: Bench | None = None

    def hello(self) -> Hello | Failure:
        """Gets ready."""
        if not self._sign.exists():
            return Failure(f"Node {self._node} does not see {self._sign.parent}.", SHARED_HINT)
        try:
            return self._prepare()
        except UserError as error:
            return Failure(f"Node {self._node}: {error.message}", error.hint)
        except Exception as error:
            return _unforeseen(error, self._node)

    def _prepare(self) -> Hello:
        os.environ[FFMPEG_THREADS_VARIABLE] = str(self._cores)
        share_cores(self._cores)
        keep_freed_memory()
        callers = min(SIDE_BY_SIDE, self._cores)
        predictor = load_predictor(self._network, self._cores, callers)
        self._bench = Bench(predictor, self._settings, self._note, self._cancel)
        return Hello(describe_model(predictor), {"depth-viewer": version(), "ffmpeg": ffmpeg_version()})

    def run(self, task: Task) -> object:
        """The task's result, or a Failure; nothing is raised, so that it travels whole."""
        assert self._bench is not None
        self._seen = (0, None)
        if not task.source.exists():
            return Failure(f"Node {self._node} does not see {task.source}.", SHARED_HINT)
        try:
            return task.run(self._bench)
        except UserError as error:
            return Failure(error.message, error.hint, is_final=error.exit_code == 2)
        except Exception as error:
            logger.info("%s failed", task, exc_info=True)
            return _unforeseen(error, self._node)
        finally:
            self._seen = (0, None)

    def seen(self) -> tuple[int, int | None]:
        """(frames done, frames in all or None) of the task that runs."""
        return self._seen

    def stop(self) -> None:
        """Ends the task that runs, in good order."""
        self._cancel.set()

    def _note(self, done: int, total: int | None) -> None:
        self._seen = (done, total)


def _unforeseen(error: Exception, node: str) -> Failure:
    return Failure(
        f"Something unforeseen went wrong on node {node}: {type(error).__name__}: {error}.",
        "Run it again; with --verbose it says more.",
    )
