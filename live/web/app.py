"""The server behind the page: photos, clips and camera pictures over HTTP; Gradio's page in front.

Gradio makes the page and its controls. Pictures take routes of our own: Gradio's file components put the
server's paths into the page, and its streaming queues camera frames up.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse

from live.access import Access, Addresses, Application, Password
from live.web.bodies import Bodies, check_length, chunks
from live.web.camera import Cameras
from live.web.clips import Clips, Job
from live.web.guard import Discreet, is_open
from live.web.limits import (
    CLIP_BYTES,
    FRAME_BYTES,
    FRAMES_AT_ONCE,
    FRAMES_WAITING,
    PHOTO_BYTES,
    PHOTOS_AT_ONCE,
    PHOTOS_WAITING,
    Refusal,
    too_large,
)
from live.web.model import SharedPredictor
from live.web.photo import Photos
from live.web.query import every_of, look_of
from live.web.turns import Turns
from shared import UserError
from video.settings import ConvertSettings

if TYPE_CHECKING:
    from shared.predictor import DepthPredictor

logger = logging.getLogger(__name__)

TIDY_EVERY_S = 5.0
STATUS_EVERY_S = 0.1
HERE = Path(__file__).parent
SCRIPTS = ("page.js", "model.js", "photo.js", "clip.js", "camera.js")
SCRIPT = "depth_viewer.js"
"""What they are served as: one file, since Gradio loads several in whatever order they arrive."""
ASSETS = ("page.css", "example_1.jpg", "example_2.jpg")
"""Files beside this one. The examples are the first frames of scenes 1 and 2, 640x480."""

Handler = Callable[[Request], Awaitable[Response]]


def build_app(
    predictor: DepthPredictor, folder: Path, addresses: Addresses, *, password: Password | None = None
) -> Application:
    """The whole application.

    folder: an empty one for visitors' files; it is empty again at the end. addresses: under which it answers.
    """
    import gradio

    from live.web.page import build_page, page_options

    shared_predictor = SharedPredictor(predictor)
    server = Server(shared_predictor, folder)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, lifespan=server.lifespan)
    for path, method, handler in server.routes():
        app.add_route(path, _worded(handler), methods=[method])
    page = build_page(shared_predictor)
    app = gradio.mount_gradio_app(
        app, page, path="/", show_error=False, ssr_mode=False, footer_links=[], **page_options(SCRIPT)
    )
    return Discreet(Access(app, addresses, is_open=is_open, secret=password))


def _worded(handler: Handler) -> Handler:
    """Every failure becomes a sentence; what it was goes to the log, not to the page."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refusal as refusal:
            return JSONResponse({"message": refusal.message}, refusal.status)
        except ClientDisconnect:
            return Response(status_code=499)
        except UserError as error:
            logger.warning("%s %s", error.message, error.hint)
            return JSONResponse({"message": "The server could not do that."}, 500)
        except Exception:
            logger.exception("a request failed")
            return JSONResponse({"message": "Something unforeseen went wrong on the server."}, 500)

    return answer


class Server:
    def __init__(self, predictor: SharedPredictor, folder: Path) -> None:
        self._photos = Photos(predictor)
        self._cameras = Cameras(predictor)
        self._clips = Clips(predictor, folder / "clips")
        self._bodies = Bodies()
        self._photo_turns = Turns("photos", at_once=PHOTOS_AT_ONCE, waiting=PHOTOS_WAITING)
        self._camera_turns = Turns("cameras", at_once=FRAMES_AT_ONCE, waiting=FRAMES_WAITING)

    def routes(self) -> list[tuple[str, str, Handler]]:
        return [
            ("/depth/assets/{name}", "GET", self.asset),
            ("/depth/photos", "POST", self.photo),
            ("/depth/photos/{key}/picture.png", "GET", self.photo_picture),
            ("/depth/photos/{key}/depth16.png", "GET", self.photo_depth16),
            ("/depth/photos/{key}/model.glb", "GET", self.photo_model),
            ("/depth/clips", "POST", self.clip_open),
            ("/depth/clips/{key}/upload", "POST", self.clip_upload),
            ("/depth/clips/{key}/status", "GET", self.clip_status),
            ("/depth/clips/{key}/cancel", "POST", self.clip_cancel),
            ("/depth/clips/{key}/depth.mp4", "GET", self.clip_result),
            ("/depth/cameras", "POST", self.camera_open),
            ("/depth/cameras/{key}", "POST", self.camera_frame),
            ("/depth/cameras/{key}/close", "POST", self.camera_close),
        ]

    @asynccontextmanager
    async def lifespan(self, _app: FastAPI) -> AsyncIterator[None]:
        tidying = asyncio.create_task(self._tidy())
        try:
            yield
        finally:
            tidying.cancel()
            self._photo_turns.close()
            self._camera_turns.close()
            await run_in_threadpool(self._clips.close)

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(TIDY_EVERY_S)
            for kept in (self._photos, self._cameras, self._clips):
                await run_in_threadpool(kept.drop_old)

    async def asset(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == SCRIPT:
            script = "\n".join((HERE / part).read_text("utf-8") for part in SCRIPTS)
            return Response(script, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
        if name not in ASSETS:
            raise Refusal("There is nothing here.", 404)
        return FileResponse(HERE / name, headers={"Cache-Control": "no-cache"})

    async def photo(self, request: Request) -> Response:
        look = look_of(request.query_params)
        async with self._bodies.whole(request, "The photo", PHOTO_BYTES) as content:
            answer = await self._photo_turns.run(self._photos.answer, content, look)
        return JSONResponse(asdict(answer))

    async def photo_picture(self, request: Request) -> Response:
        return _png(await run_in_threadpool(self._photos.picture_png, request.path_params["key"]))

    async def photo_depth16(self, request: Request) -> Response:
        return _png(await self._photo_turns.run(self._photos.depth16_png, request.path_params["key"]))

    async def photo_model(self, request: Request) -> Response:
        glb = await self._photo_turns.run(self._photos.model_glb, request.path_params["key"])
        headers = {"Cache-Control": "private, max-age=3600"}
        return Response(glb, media_type="model/gltf-binary", headers=headers)

    async def clip_open(self, request: Request) -> Response:
        """Before the upload, so that a refusal reaches a browser that is not yet busy sending."""
        query = request.query_params
        settings = ConvertSettings(look_of(query), every=every_of(query))
        job = self._clips.open(query.get("name", ""), settings, client=_client(request))
        return JSONResponse({"key": job.key})

    async def clip_upload(self, request: Request) -> Response:
        job = self._clips.claim(request.path_params["key"])
        try:
            check_length(request, "The clip", CLIP_BYTES)
            await _store(request, job)
        except BaseException:
            self._clips.discard(job)
            raise
        self._clips.enqueue(job)
        return JSONResponse({})

    async def clip_status(self, request: Request) -> Response:
        """Server-sent events until the end; a page that goes away ends it, and that cancels the job."""
        self._clips.check(request.path_params["key"])
        return StreamingResponse(self._events(request.path_params["key"]), media_type="text/event-stream")

    async def _events(self, key: str) -> AsyncIterator[str]:
        with self._clips.watching(key) as job:
            while True:
                status = self._clips.status(job)
                yield f"data: {json.dumps(status)}\n\n"
                if status["is_ended"]:
                    return
                await asyncio.sleep(STATUS_EVERY_S)

    async def clip_cancel(self, request: Request) -> Response:
        self._clips.cancel(request.path_params["key"])
        return JSONResponse({})

    async def clip_result(self, request: Request) -> Response:
        return FileResponse(self._clips.result(request.path_params["key"]), media_type="video/mp4")

    async def camera_open(self, _request: Request) -> Response:
        return JSONResponse({"key": self._cameras.open()})

    async def camera_frame(self, request: Request) -> Response:
        look = look_of(request.query_params)
        async with self._bodies.whole(request, "The camera's picture", FRAME_BYTES) as jpeg:
            key = request.path_params["key"]
            picture = await self._camera_turns.run(self._cameras.answer, key, jpeg, look)
        return Response(picture, media_type="image/jpeg")

    async def camera_close(self, request: Request) -> Response:
        self._cameras.close(request.path_params["key"])
        return JSONResponse({})


def _client(request: Request) -> str:
    return request.client.host if request.client else ""


async def _store(request: Request, job: Job) -> None:
    size_bytes = 0
    with job.source.open("wb") as file:
        async for chunk in chunks(request):
            size_bytes += len(chunk)
            if size_bytes > CLIP_BYTES:
                raise too_large("The clip", CLIP_BYTES)
            await run_in_threadpool(file.write, chunk)


def _png(content: bytes) -> Any:
    return Response(content, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})
