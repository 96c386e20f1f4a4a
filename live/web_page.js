// The picture areas of the page: photo, clip and camera. Plain script, fetches nothing but this server's answers.
"use strict";
(() => {
  const start = window.depthViewerStart;
  const settings = structuredClone(start.settings);
  const areas = {};

  const part = (root, name) => root.querySelector(`[data-${name}]`);
  const query = (kind, names) => new URLSearchParams(names.map((name) => [name, settings[kind][name]]));
  const LOOK = ["view", "colormap", "alpha"];

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
    throw new Error(answer.message || "The server could not do that.");
  }

  function tooLarge(what, limit_bytes) {
    return `The ${what} is larger than ${limit_bytes >> 20} MB, which is the most this page takes.`;
  }

  function takeFiles(root, take) {
    const drop = part(root, "drop");
    const input = part(root, "file");
    input.addEventListener("change", () => {
      if (input.files[0]) take(input.files[0]);
      input.value = "";
    });
    root.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("dv-over"); });
    root.addEventListener("dragleave", () => drop.classList.remove("dv-over"));
    root.addEventListener("drop", (event) => {
      event.preventDefault();
      drop.classList.remove("dv-over");
      if (event.dataTransfer.files[0]) take(event.dataTransfer.files[0]);
    });
  }

  async function openCamera(root, video) {
    if (!navigator.mediaDevices) {
      throw new Error("The browser gives its camera only to pages from localhost or over https.");
    }
    try {
      video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640 }, audio: false });
    } catch (error) {
      throw new Error(error.name === "NotAllowedError"
        ? "The browser was told not to give its camera to this page; allow it and try again."
        : "No camera could be opened; check that one is connected and that nothing else uses it.");
    }
    await video.play();
  }

  function closeCamera(video) {
    for (const track of video.srcObject?.getTracks() ?? []) track.stop();
    video.srcObject = null;
  }

  function shoot(video, canvas, mirror) {
    const scale = Math.min(1, 1280 / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    const context = canvas.getContext("2d");
    if (mirror) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
  }

  function mountPhoto(root) {
    let photo = null;
    let asked = null;
    const picture = part(root, "picture");
    const preview = part(root, "preview");
    const cameraButton = part(root, "camera");

    async function show() {
      asked?.abort();
      asked = new AbortController();
      const { signal } = asked;
      const started_ms = performance.now();
      tell(root, "Working …");
      try {
        const response = await ask(`depth/photos?${query("photo", LOOK)}`, { body: photo, signal });
        const answer = await response.json();
        const answered_ms = performance.now();
        const folder = `depth/photos/${answer.key}`;
        picture.src = `${folder}/picture.png`;
        await picture.decode();
        if (signal.aborted) return;
        picture.hidden = part(root, "downloads").hidden = false;
        part(root, "png").href = `${folder}/picture.png`;
        part(root, "depth16").href = `${folder}/depth16.png`;
        root.dataset.answerMs = (answered_ms - started_ms).toFixed(1);
        const took = `${((answered_ms - started_ms) / 1000).toFixed(2)} s`;
        tell(root, `${answer.width_px}x${answer.height_px} pixels, `
          + (answer.is_cached ? `from the cache (seen before), ${took}.` : `made in ${took}.`));
      } catch (error) {
        if (signal.aborted) return;
        picture.hidden = part(root, "downloads").hidden = true;
        tell(root, error.message, true);
      }
    }

    function take(file) {
      if (file.size > start.photo_bytes) {
        return tell(root, tooLarge("photo", start.photo_bytes), true);
      }
      photo = file;
      show();
    }

    takeFiles(root, take);
    document.addEventListener("paste", (event) => {
      const file = [...event.clipboardData.files].find((it) => it.type.startsWith("image/"));
      if (file && root.offsetParent !== null) take(file);
    });
    for (const button of root.querySelectorAll("[data-example]")) {
      button.addEventListener("click", async () => {
        try {
          take(await (await ask(button.querySelector("img").src, { method: "GET" })).blob());
        } catch (error) { tell(root, error.message, true); }
      });
    }
    cameraButton.addEventListener("click", async () => {
      try {
        if (preview.hidden) {
          await openCamera(root, preview);
          preview.hidden = false;
          picture.hidden = true;
          cameraButton.textContent = "Take the photo";
          return;
        }
        const blob = await shoot(preview, document.createElement("canvas"), false);
        closeCamera(preview);
        preview.hidden = true;
        cameraButton.textContent = "Use the camera";
        take(blob);
      } catch (error) { tell(root, error.message, true); }
    });

    let waiting = 0;
    return { changed() { clearTimeout(waiting); waiting = setTimeout(() => photo && show(), 200); } };
  }

  function mountClip(root) {
    const working = part(root, "working");
    const bar = part(root, "progress");
    const result = part(root, "result");
    const downloads = part(root, "downloads");
    let stop = null;

    function busy(isBusy) {
      working.hidden = !isBusy;
      part(root, "file").disabled = isBusy;
      if (isBusy) { result.hidden = downloads.hidden = true; result.removeAttribute("src"); result.load(); }
    }

    async function open(file) {
      const names = query("clip", [...LOOK, "every"]);
      names.set("name", file.name);
      return (await (await ask(`depth/clips?${names}`)).json()).key;
    }

    function upload(file, key) {
      return new Promise((done, fail) => {
        const request = new XMLHttpRequest();
        request.open("POST", `depth/clips/${key}/upload`);
        request.responseType = "json";
        request.upload.onprogress = (event) => {
          bar.value = event.total ? event.loaded / event.total : 1;
          tell(root, `Uploading: ${Math.round(100 * bar.value)} %`, false, true);
        };
        request.onload = () => request.status === 200 ? done()
          : fail(new Error(request.response?.message || "The server could not do that."));
        request.onerror = () => fail(new Error("The upload broke off; check that the server still runs."));
        request.onabort = () => fail(new Error("Cancelled."));
        stop = () => request.abort();
        request.send(file);
      });
    }

    function describe(status) {
      if (status.state === "waiting") {
        bar.removeAttribute("value");
        return status.before === 1 ? "In the queue: one clip is before yours."
          : `In the queue: ${status.before} clips are before yours.`;
      }
      if (!status.total) return `Converting: ${status.done} frames`;
      bar.value = Math.min(1, status.done / status.total);
      const left = status.left_s === null ? "" : `, about ${time(status.left_s)} left`;
      return `Converting: frame ${status.done} of ${Math.max(status.done, status.total)}${left}`;
    }

    function watch(key) {
      return new Promise((done, fail) => {
        const events = new EventSource(`depth/clips/${key}/status`);
        stop = () => ask(`depth/clips/${key}/cancel`).catch(() => {});
        events.onmessage = ({ data }) => {
          const status = JSON.parse(data);
          if (!status.is_ended) return tell(root, describe(status), false, status.state === "running");
          events.close();
          if (status.state === "done") done(status);
          else fail(new Error(status.message || "Cancelled."));
        };
        events.onerror = () => {
          events.close();
          fail(new Error("The server went away in the middle; give the clip again."));
        };
      });
    }

    async function take(file) {
      if (!working.hidden) return;
      if (file.size > start.clip_bytes) {
        return tell(root, tooLarge("clip", start.clip_bytes), true);
      }
      busy(true);
      tell(root, "Uploading …");
      try {
        const key = await open(file);
        await upload(file, key);
        const status = await watch(key);
        const url = `depth/clips/${key}/depth.mp4`;
        result.src = part(root, "mp4").href = url;
        part(root, "mp4").download = `${file.name.replace(/\.[^.]*$/, "")}-depth.mp4`;
        result.hidden = downloads.hidden = false;
        tell(root, `Done: ${status.done} frames.`);
      } catch (error) {
        tell(root, error.message, error.message !== "Cancelled.");
      } finally {
        working.hidden = true;
        part(root, "file").disabled = false;
      }
    }

    takeFiles(root, take);
    part(root, "cancel").addEventListener("click", () => stop?.());
    return { changed() {} };
  }

  function time(seconds) {
    const whole = Math.ceil(seconds);
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }

  function mountCamera(root) {
    const live = part(root, "live");
    const canvas = part(root, "canvas");
    const button = part(root, "switch");
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    const shot = document.createElement("canvas");
    let run = null;

    function nextFrame() {
      return new Promise((done) => video.requestVideoFrameCallback
        ? video.requestVideoFrameCallback(done) : setTimeout(done, 30));
    }

    // One frame is under way at a time, and the next one sent is the newest: a slow server lags by one frame.
    async function loop(mine) {
      const { key } = await (await ask("depth/cameras")).json();
      mine.key = key;
      const shown_ms = [];
      while (run === mine) {
        await nextFrame();
        if (live.offsetParent === null) { await new Promise((done) => setTimeout(done, 300)); continue; }
        const taken_ms = performance.now();
        const blob = await shoot(video, shot, settings.camera.mirror);
        const response = await ask(`depth/cameras/${key}?${query("camera", LOOK)}`, { body: blob });
        const bitmap = await createImageBitmap(await response.blob());
        if (run !== mine) return;
        if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
          canvas.width = bitmap.width;
          canvas.height = bitmap.height;
        }
        canvas.getContext("2d").drawImage(bitmap, 0, 0);
        const now_ms = performance.now();
        shown_ms.push(now_ms);
        while (now_ms - shown_ms[0] > 2000) shown_ms.shift();
        numbers(shown_ms, now_ms - taken_ms);
      }
    }

    function numbers(shown_ms, age_ms) {
      root.dataset.pictures = Number(root.dataset.pictures || 0) + 1;
      const span_s = (shown_ms.at(-1) - shown_ms[0]) / 1000;
      const fps = span_s > 0 ? ((shown_ms.length - 1) / span_s).toFixed(1) : "–";
      part(root, "numbers").textContent = `${fps} pictures/s, depth ${Math.round(age_ms)} ms old`;
    }

    function off() {
      if (run?.key) ask(`depth/cameras/${run.key}/close`, { keepalive: true }).catch(() => {});
      run = null;
      closeCamera(video);
      button.textContent = "Switch the camera on";
      part(root, "numbers").textContent = "";
    }

    async function on() {
      const mine = run = {};
      button.textContent = "Switch the camera off";
      try {
        await openCamera(root, video);
        tell(root, "The camera is on; its pictures go to this server and are not stored.");
        live.focus({ preventScroll: true });
        await loop(mine);
      } catch (error) {
        if (run !== mine) return;
        off();
        tell(root, error.message, true);
      }
    }

    button.addEventListener("click", () => {
      if (!run) return on();
      off();
      tell(root, "The camera is off.");
    });
    addEventListener("pagehide", off);
    live.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const view = { o: "overlay", s: "side-by-side", d: "depth" }[event.key];
      if (view) choose("view", view);
      else if (event.key === "c") chooseNext("colormap");
      else return;
      event.preventDefault();
    });

    function inputs(name) {
      return [...document.querySelectorAll(`#dv-camera-${name} input[type=radio]`)];
    }
    function choose(name, value) {
      inputs(name).find((input) => input.value === value)?.click();
    }
    function chooseNext(name) {
      const all = inputs(name);
      all[(all.findIndex((input) => input.checked) + 1) % all.length]?.click();
    }
    return { changed() {} };
  }

  const mounts = { photo: mountPhoto, clip: mountClip, camera: mountCamera };
  window.depthViewer = {
    mount(kind, root) {
      if (areas[kind]?.root !== root) areas[kind] = { root, ...mounts[kind](root) };
    },
    set(kind, name, value) {
      if (settings[kind][name] === value) return;
      settings[kind][name] = value;
      areas[kind]?.changed();
    },
  };
})();
