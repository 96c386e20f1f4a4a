"""The page itself: Gradio's tabs and controls around the picture areas that the scripts bring to life.

Gradio's controls tell the script in the browser what was chosen; no choice needs the server.
"""

from __future__ import annotations

import html
import json
from dataclasses import asdict
from typing import Any, get_args

import gradio as gr

from live.web.limits import CLIP_BYTES, PHOTO_BYTES
from live.web.model import SharedPredictor
from live.web.query import SLOWEST_EVERY
from shared import GAMMA_BOUNDS, Colormap, Look, View
from video.settings import DEFAULT_EVERY

TITLE = "Depth viewer"
VIEWS = {
    "depth": "Heat map",
    "overlay": "Overlay",
    "side-by-side": "Side by side",
    "focus": "Focus",
    "relief": "Relief",
}
FONT = ["ui-sans-serif", "system-ui", "sans-serif"]
MONO_FONT = ["ui-monospace", "monospace"]
START = {
    "photo": {**asdict(Look()), "focus": ""},
    "clip": {**asdict(Look()), "focus": "", "every": DEFAULT_EVERY},
    "camera": {**asdict(Look(view="overlay")), "focus": "", "mirror": True},
}

PHOTO = """
<div class="dv-drop" data-drop>
  <label class="dv-button dv-primary">Choose a photo
    <input type="file" accept="image/jpeg,image/png,image/webp" aria-label="Choose a photo" data-file></label>
  <button type="button" class="dv-button" data-camera>Use the camera</button>
  <span class="dv-hint">or drop or paste one here (JPEG, PNG, WebP)</span>
  <span class="dv-examples" role="group" aria-label="Example photos">
    <span class="dv-hint" aria-hidden="true">Examples</span>
    <button type="button" data-example aria-label="Example photo 1">
      <img alt="" src="depth/assets/example_1.jpg"></button>
    <button type="button" data-example aria-label="Example photo 2">
      <img alt="" src="depth/assets/example_2.jpg"></button>
  </span>
</div>
<video class="dv-picture" data-preview muted playsinline hidden aria-label="What the camera sees"></video>
<p class="dv-status" role="status" data-status>The photo's depth appears here: near is bright.</p>
<img class="dv-picture" data-picture alt="Depth of the photo: near is bright" hidden>
<canvas class="dv-picture" data-model width="960" height="600" tabindex="0" hidden
  aria-label="The photo as a 3D model: drag or use the arrow keys to turn it, the wheel to zoom"></canvas>
<p class="dv-row" data-downloads hidden>
  <button type="button" class="dv-button" data-turn>Turn it as a model</button>
  <a class="dv-button" download="model.glb" data-glb>Download the model (GLB)</a>
  <a class="dv-button" download="depth.png" data-png>Download the picture (PNG)</a>
  <a class="dv-button" download="depth16.png" data-depth16>Download the depth (16-bit PNG)</a>
</p>
"""

CLIP = """
<div class="dv-drop" data-drop>
  <label class="dv-button dv-primary">Choose a clip
    <input type="file" accept="video/*,.mkv,.avi,.mov,.ts,.gif" aria-label="Choose a clip" data-file></label>
  <span class="dv-hint">or drop one here (MP4, MOV, MKV, WebM, AVI …)</span>
</div>
<p class="dv-status" role="status" data-status>The clip's depth appears here, with its sound.</p>
<div class="dv-row" data-working hidden>
  <progress max="1" value="0" aria-label="Progress of the conversion" data-progress></progress>
  <button type="button" class="dv-button" data-cancel>Cancel</button>
</div>
<video class="dv-picture" data-result controls playsinline hidden aria-label="Depth of the clip"></video>
<p class="dv-row" data-downloads hidden>
  <a class="dv-button" data-mp4>Download the clip (MP4)</a>
</p>
"""

CAMERA = """
<div class="dv-row">
  <button type="button" class="dv-button dv-primary" data-switch>Switch the camera on</button>
  <button type="button" class="dv-button" data-turn disabled>Turn this moment as a model</button>
  <span class="dv-status dv-numbers" data-numbers></span>
</div>
<p class="dv-status" role="status" data-status>Depth is live here: near is bright.
Nothing is stored.</p>
<div class="dv-live" tabindex="0" role="group" data-live
  aria-label="Live depth picture. Keys: o overlay, s side by side, d heat map, b focus, 3 relief,
  c next colour map">
  <canvas class="dv-picture" data-canvas width="640" height="360" role="img"
    aria-label="Depth of what the camera sees"></canvas>
</div>
<p class="dv-hint">Keys while the picture has the focus: <kbd>o</kbd> overlay, <kbd>s</kbd> side by side,
<kbd>d</kbd> heat map, <kbd>b</kbd> focus, <kbd>3</kbd> relief, <kbd>c</kbd> next colour map.</p>
<p class="dv-row" data-downloads hidden>
  <a class="dv-button" download="model.glb" data-glb>Download the model (GLB)</a>
</p>
<canvas class="dv-picture" data-model width="960" height="600" tabindex="0" hidden
  aria-label="The moment as a 3D model: drag or use the arrow keys to turn it, the wheel to zoom"></canvas>
"""


def page_options(script: str) -> dict[str, Any]:
    """What the mount needs besides the blocks: fonts of the visitor's own, our style and scripts."""
    start = json.dumps({"settings": START, "photo_bytes": PHOTO_BYTES, "clip_bytes": CLIP_BYTES})
    head = (
        '<meta name="color-scheme" content="light dark">'
        '<link rel="stylesheet" href="/depth/assets/page.css">'
        f"<script>window.depthViewerStart = {start}</script>"
        f'<script src="/depth/assets/{script}"></script>'
    )
    theme = gr.themes.Base(primary_hue="orange", neutral_hue="slate", font=FONT, font_mono=MONO_FONT)
    return {"theme": theme, "head": head}


def build_page(predictor: SharedPredictor) -> gr.Blocks:
    with gr.Blocks(title=TITLE, analytics_enabled=False) as page:
        gr.HTML(heading(predictor), elem_id="dv-heading")
        with gr.Tabs():
            for kind, title, area in (
                ("photo", "Photo", PHOTO),
                ("clip", "Clip", CLIP),
                ("camera", "Camera", CAMERA),
            ):
                with gr.Tab(title, id=kind, render_children=True):
                    _tab(kind, area)
    return page


def heading(predictor: SharedPredictor) -> str:
    notice = f"<p>Model: {html.escape(predictor.label)}.</p>"
    if predictor.is_bundled:
        notice = (
            "<p>Model: <strong>bundled demo model</strong>. It sees less than MiDaS v2.1 small; to get that,"
            " start the server with <code>--weights official</code> while it has a network, or with"
            " <code>--weights FILE</code>.</p>"
        )
    return f"<h1>{TITLE}</h1><p>What is near is bright, what is far is dark.</p>{notice}"


def _tab(kind: str, area: str) -> None:
    with gr.Row(elem_classes="dv-tab"):
        with gr.Column(scale=3, min_width=300):
            mount = f"window.depthViewerAreas['{kind}'] = element; window.depthViewer?.mountAll();"
            gr.HTML(
                area,
                elem_id=f"dv-{kind}",
                js_on_load="window.depthViewerAreas ??= {}; " + mount,
                apply_default_css=False,
            )
        with gr.Column(scale=1, min_width=260):
            _controls(kind)


def _controls(kind: str) -> None:
    """The names of the values are those of the query that the script sends."""
    start = START[kind]
    choices = [(VIEWS[view], view) for view in get_args(View)]
    controls = {
        "view": gr.Radio(
            choices,
            value=start["view"],
            label="View",
            info=None if kind == "clip" else "In the view Focus, click what is to be sharp.",
            elem_id=f"dv-{kind}-view",
        ),
        "colormap": gr.Radio(
            list(get_args(Colormap)),
            value=start["colormap"],
            label="Colour map",
            elem_id=f"dv-{kind}-colormap",
        ),
        "alpha": gr.Slider(
            0, 1, value=start["alpha"], step=0.05, label="Share of the heat map in the overlay"
        ),
        "gamma": gr.Slider(
            *GAMMA_BOUNDS,
            value=start["gamma"],
            step=0.05,
            label="Contrast of the heat map (above 1: of what is near)",
        ),
    }
    if kind == "clip":
        controls["every"] = gr.Slider(
            1,
            SLOWEST_EVERY,
            value=start["every"],
            step=1,
            label="Infer each Nth frame (more is faster, less exact; sooner where something moves)",
        )
    if kind == "camera":
        controls["mirror"] = gr.Checkbox(value=start["mirror"], label="Mirror the picture")
    for name, control in controls.items():
        control.change(None, [control], None, js=f"(v) => window.depthViewer.set('{kind}', '{name}', v)")
