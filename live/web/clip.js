// The clip tab: upload, queue, progress, cancel, preview and download.
"use strict";
(() => {
  const { clip_bytes, LOOK, part, query, tell, ask, takeFiles } = window.depthViewer;

  window.depthViewer.add("clip", (root) => {
    const working = part(root, "working");
    const bar = part(root, "progress");
    const result = part(root, "result");
    const downloads = part(root, "downloads");
    let stop = null;

    function begin() {
      working.hidden = false;
      part(root, "file").disabled = true;
      bar.value = 0;
      result.hidden = downloads.hidden = true;
      result.removeAttribute("src");
      result.load();
      tell(root, "Uploading …");
    }

    function end() {
      working.hidden = true;
      part(root, "file").disabled = false;
      stop = null;
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
      if (status.state !== "running") {
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
      begin();
      try {
        const key = await open(file);
        await upload(file, key);
        const status = await watch(key);
        result.src = part(root, "mp4").href = `depth/clips/${key}/depth.mp4`;
        part(root, "mp4").download = `${file.name.replace(/\.[^.]*$/, "")}-depth.mp4`;
        result.hidden = downloads.hidden = false;
        tell(root, `Done: ${status.done} frames.`);
      } catch (error) {
        tell(root, error.message, error.message !== "Cancelled.");
      } finally {
        end();
      }
    }

    takeFiles(root, "clip", clip_bytes, take);
    part(root, "cancel").addEventListener("click", () => stop?.());
    return {};
  });

  function time(seconds) {
    const whole = Math.ceil(seconds);
    return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
  }
})();
