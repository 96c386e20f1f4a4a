// The photo tab: a photo dropped, pasted, chosen or taken; its depth picture and the downloads.
"use strict";
(() => {
  const {
    settings, photo_bytes, LOOK, part, query, tell, ask, takeFiles, openCamera, closeCamera, shoot,
    focusOnClick, showModelOf,
  } = window.depthViewer;

  window.depthViewer.add("photo", (root) => {
    let photo = null;
    let asked = null;
    let key = "";
    const picture = part(root, "picture");
    const preview = part(root, "preview");
    const cameraButton = part(root, "camera");
    const canvas = part(root, "model");
    const turnButton = part(root, "turn");

    function showModel(shown) {
      canvas.hidden = !shown;
      picture.hidden = shown;
      turnButton.textContent = shown ? "Back to the picture" : "Turn it as a model";
    }
    turnButton.addEventListener("click", async () => {
      if (!canvas.hidden) return showModel(false);
      turnButton.disabled = true;
      try {
        await showModelOf(key, canvas, part(root, "glb"));
        showModel(true);
      } catch (error) { tell(root, error.message, true); } finally { turnButton.disabled = false; }
    });

    async function show() {
      asked?.abort();
      asked = new AbortController();
      const { signal } = asked;
      const started_ms = performance.now();
      tell(root, "Working …");
      try {
        const response = await ask(`depth/photos?${query("photo", LOOK)}`, { body: photo, signal });
        const answer = await response.json();
        const answered_ms = performance.now() - started_ms;
        key = answer.key;
        const folder = `depth/photos/${key}`;
        picture.src = `${folder}/picture.png`;
        await picture.decode();
        if (signal.aborted) return;
        showModel(false);
        part(root, "downloads").hidden = false;
        part(root, "glb").href = `${folder}/model.glb`;
        part(root, "png").href = `${folder}/picture.png`;
        part(root, "depth16").href = `${folder}/depth16.png`;
        root.dataset.answerMs = answered_ms.toFixed(1);
        const took = `${(answered_ms / 1000).toFixed(2)} s`;
        tell(root, `${answer.width_px}x${answer.height_px} pixels, `
          + (answer.is_cached ? `from the cache (seen before), ${took}.` : `made in ${took}.`));
      } catch (error) {
        if (signal.aborted) return;
        picture.hidden = canvas.hidden = part(root, "downloads").hidden = true;
        tell(root, error.message, true);
      }
    }

    function take(file) {
      closePreview();
      photo = file;
      settings.photo.focus = "";
      show();
    }

    focusOnClick("photo", picture, () => [picture.naturalWidth, picture.naturalHeight]);
    const offer = takeFiles(root, "photo", photo_bytes, take);
    document.addEventListener("paste", (event) => {
      if (root.offsetParent === null) return;
      offer([...event.clipboardData.files].find((it) => it.type.startsWith("image/")));
    });
    for (const button of root.querySelectorAll("[data-example]")) {
      button.addEventListener("click", async () => {
        try {
          take(await (await ask(button.querySelector("img").src, { method: "GET" })).blob());
        } catch (error) { tell(root, error.message, true); }
      });
    }

    function closePreview() {
      closeCamera(preview.srcObject);
      preview.srcObject = null;
      preview.hidden = true;
      cameraButton.textContent = "Use the camera";
    }

    cameraButton.addEventListener("click", async () => {
      cameraButton.disabled = true;
      try {
        if (preview.hidden) {
          preview.srcObject = await openCamera();
          await preview.play();
          preview.hidden = false;
          picture.hidden = canvas.hidden = part(root, "downloads").hidden = true;
          cameraButton.textContent = "Take the photo";
          tell(root, "The camera is on; nothing is sent before the photo is taken.");
        } else {
          take(await shoot(preview, document.createElement("canvas"), false));
        }
      } catch (error) {
        closePreview();
        tell(root, error.message, true);
      } finally {
        cameraButton.disabled = false;
      }
    });

    let waiting = 0;
    return { changed() { clearTimeout(waiting); waiting = setTimeout(() => photo && show(), 200); } };
  });
})();
