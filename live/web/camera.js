// The camera tab: one frame is under way at a time, and the next one sent is the newest.
"use strict";
(() => {
  const {
    settings, LOOK, part, query, tell, ask, openCamera, closeCamera, shoot, focusOnClick, showModelOf,
  } = window.depthViewer;

  window.depthViewer.add("camera", (root) => {
    const live = part(root, "live");
    const canvas = part(root, "canvas");
    const button = part(root, "switch");
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    const shot = document.createElement("canvas");
    const turnButton = part(root, "turn");
    let run = null; // of the switched-on camera: its stream here, its key at the server

    function nextFrame() {
      return new Promise((done) => video.requestVideoFrameCallback
        ? video.requestVideoFrameCallback(done) : setTimeout(done, 30));
    }

    async function loop(mine) {
      mine.key = (await (await ask("depth/cameras")).json()).key;
      const shown_ms = [];
      while (run === mine) {
        await nextFrame();
        if (live.offsetParent === null) { await new Promise((done) => setTimeout(done, 300)); continue; }
        const taken_ms = performance.now();
        const blob = await shoot(video, shot, settings.camera.mirror);
        const response = await askFor(mine, blob);
        const bitmap = await createImageBitmap(await response.blob());
        if (run !== mine) return;
        draw(bitmap);
        const now_ms = performance.now();
        shown_ms.push(now_ms);
        while (now_ms - shown_ms[0] > 2000) shown_ms.shift();
        tellNumbers(shown_ms, now_ms - taken_ms);
      }
    }

    // The server forgets a camera that was silent for a minute, as in a hidden tab: it gets a new key.
    async function askFor(mine, blob) {
      const send = () => ask(`depth/cameras/${mine.key}?${query("camera", LOOK)}`, { body: blob });
      try {
        return await send();
      } catch (error) {
        if (error.status !== 404) throw error;
        mine.key = (await (await ask("depth/cameras")).json()).key;
        return send();
      }
    }

    function draw(bitmap) {
      if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
        canvas.width = bitmap.width;
        canvas.height = bitmap.height;
      }
      canvas.getContext("2d").drawImage(bitmap, 0, 0);
      root.dataset.pictures = Number(root.dataset.pictures || 0) + 1;
    }

    function tellNumbers(shown_ms, age_ms) {
      const span_s = (shown_ms.at(-1) - shown_ms[0]) / 1000;
      const fps = span_s > 0 ? ((shown_ms.length - 1) / span_s).toFixed(1) : "–";
      part(root, "numbers").textContent = `${fps} pictures/s, depth ${Math.round(age_ms)} ms old`;
    }

    focusOnClick("camera", canvas, () => [canvas.width, canvas.height]);
    turnButton.addEventListener("click", async () => {
      turnButton.disabled = true;
      try {
        const moment = await shoot(video, document.createElement("canvas"), settings.camera.mirror);
        const answer = await (await ask(`depth/photos?${query("camera", LOOK)}`, { body: moment })).json();
        await showModelOf(answer.key, part(root, "model"), part(root, "glb"));
        part(root, "downloads").hidden = false;
      } catch (error) { tell(root, error.message, true); } finally { turnButton.disabled = !run; }
    });

    function off() {
      if (run?.key) ask(`depth/cameras/${run.key}/close`, { keepalive: true }).catch(() => {});
      closeCamera(run?.stream);
      run = null;
      video.srcObject = null;
      button.textContent = "Switch the camera on";
      turnButton.disabled = true;
      part(root, "numbers").textContent = "";
    }

    async function on() {
      const mine = run = {};
      button.textContent = "Switch the camera off";
      try {
        mine.stream = await openCamera();
        if (run !== mine) return closeCamera(mine.stream); // switched off while the browser was asking
        mine.stream.getVideoTracks()[0].addEventListener("ended", () => stopped(mine, "The camera went away."));
        video.srcObject = mine.stream;
        await video.play();
        turnButton.disabled = false;
        tell(root, "The camera is on; its pictures go to this server and are not stored.");
        live.focus({ preventScroll: true });
        await loop(mine);
      } catch (error) {
        stopped(mine, error.message);
      }
    }

    function stopped(mine, message) {
      if (run !== mine) return;
      off();
      tell(root, message, true);
    }

    button.addEventListener("click", () => {
      if (!run) return on();
      off();
      tell(root, "The camera is off.");
    });
    addEventListener("pagehide", off);

    live.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const view = { o: "overlay", s: "side-by-side", d: "depth", b: "focus", 3: "relief" }[event.key];
      if (view) inputs("view").find((input) => input.value === view)?.click();
      else if (event.key === "c") chooseNext(inputs("colormap"));
      else return;
      event.preventDefault();
    });

    function inputs(name) {
      return [...document.querySelectorAll(`#dv-camera-${name} input[type=radio]`)];
    }
    function chooseNext(all) {
      all[(all.findIndex((input) => input.checked) + 1) % all.length]?.click();
    }
    return {};
  });
})();
