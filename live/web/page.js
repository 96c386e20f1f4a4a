// What the three tabs of the page share. Plain script, fetches nothing but this server's answers.
"use strict";
(() => {
  const { settings, photo_bytes, clip_bytes } = window.depthViewerStart;
  const kinds = {};
  const areas = {};

  const LOOK = ["view", "colormap", "alpha", "gamma", "focus"];
  const part = (root, name) => root.querySelector(`[data-${name}]`);
  const query = (kind, names) => new URLSearchParams(names.map((name) => [name, settings[kind][name]]));

  // A screen reader reads the line out, but not each step of a progress.
  function tell(root, text, isError = false, isStep = false) {
    const line = part(root, "status");
    line.setAttribute("aria-live", isStep ? "off" : "polite");
    line.textContent = text;
    line.classList.toggle("dv-error", isError);
  }

  async function ask(url, options = {}) {
    let response;
    try {
      response = await fetch(url, { method: "POST", ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("The server cannot be reached; check that it still runs.");
    }
    if (response.ok) return response;
    const answer = await response.json().catch(() => ({}));
    throw Object.assign(new Error(answer.message || "The server could not do that."), { status: response.status });
  }

  // take(file) gets what is chosen or dropped, if it is not too large.
  function takeFiles(root, what, limit_bytes, take) {
    const drop = part(root, "drop");
    const input = part(root, "file");
    const offer = (file) => {
      if (!file) return;
      if (file.size <= limit_bytes) take(file);
      else tell(root, `The ${what} is larger than ${limit_bytes >> 20} MB, which is the most this page takes.`, true);
    };
    input.addEventListener("change", () => {
      offer(input.files[0]);
      input.value = "";
    });
    root.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("dv-over"); });
    root.addEventListener("dragleave", () => drop.classList.remove("dv-over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("dv-over");
      offer(event.dataTransfer.files[0]);
    });
    return offer;
  }

  async function openCamera() {
    if (!navigator.mediaDevices) {
      throw new Error("The browser gives its camera only to pages from localhost or over https.");
    }
    try {
      return await navigator.mediaDevices.getUserMedia({ video: { width: 640 }, audio: false });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError"
        ? "The browser was told not to give its camera to this page; allow it and try again."
        : "No camera could be opened; check that one is connected and that nothing else uses it.");
    }
  }

  function closeCamera(stream) {
    for (const track of stream?.getTracks() ?? []) track.stop();
  }

  // The camera's picture of now as a JPEG, 1280 px at most.
  function shoot(video, canvas, mirror) {
    const scale = Math.min(1, 1280 / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    const context = canvas.getContext("2d");
    if (mirror) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  }

  // What is clicked in the view focus is to be sharp. element shows a picture of width x height, all of it.
  function focusOnClick(kind, element, size) {
    element.addEventListener("click", (event) => {
      if (settings[kind].view !== "focus") return;
      const [width, height] = size();
      const box = element.getBoundingClientRect();
      const scale = Math.min(box.width / width, box.height / height);
      const x = (event.clientX - box.left - (box.width - width * scale) / 2) / (width * scale);
      const y = (event.clientY - box.top - (box.height - height * scale) / 2) / (height * scale);
      if (x >= 0 && x < 1 && y >= 0 && y < 1) {
        window.depthViewer.set(kind, "focus", `${x.toFixed(4)},${y.toFixed(4)}`);
      }
    });
  }

  // A photo's model: shown in the canvas, offered by the link.
  async function showModelOf(key, canvas, link) {
    link.href = `depth/photos/${key}/model.glb`;
    const response = await ask(link.href, { method: "GET" });
    await window.depthViewer.showModel(canvas, await response.arrayBuffer());
    canvas.hidden = false;
    canvas.focus({ preventScroll: true });
  }

  window.depthViewer = {
    settings, photo_bytes, clip_bytes,
    LOOK, part, query, tell, ask, takeFiles, openCamera, closeCamera, shoot,
    focusOnClick, showModelOf,
    // Areas appear when Gradio draws them, scripts when they are loaded, in either order.
    add(kind, bringToLife) {
      kinds[kind] = bringToLife;
      window.depthViewer.mountAll();
    },
    mountAll() {
      for (const [kind, root] of Object.entries(window.depthViewerAreas ?? {})) {
        if (!kinds[kind] || areas[kind]?.root === root) continue;
        areas[kind] = { root, ...kinds[kind](root) };
        root.dataset.ready = kind;
      }
    },
    set(kind, name, value) {
      if (settings[kind][name] === value) return;
      settings[kind][name] = value;
      if (name === "view") settings[kind].focus = ""; // on the nearest large thing, until something is clicked
      areas[kind]?.changed?.();
    },
  };
})();
