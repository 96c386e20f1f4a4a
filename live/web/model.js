// A small viewer of our own GLB (shared/model.py): one textured surface, turned by drag, keys and wheel.
"use strict";
(() => {
  const MOST_RAD = 0.8;
  const PIVOT = -2; // turned about what is two units before the camera, in the middle of 1 to 3
  const VERTEX = `attribute vec3 position; attribute vec2 place; varying vec2 at;
    uniform vec4 turn; uniform vec2 lens; // turn: cosine and sine to the side, cosine and sine upwards
    void main() {
      vec3 p = position - vec3(0.0, 0.0, ${PIVOT}.0);
      p = vec3(turn.x * p.x + turn.y * p.z, p.y, turn.x * p.z - turn.y * p.x);
      p = vec3(p.x, turn.z * p.y - turn.w * p.z, turn.z * p.z + turn.w * p.y);
      p.z += ${PIVOT}.0;
      gl_Position = vec4(p.xy * lens, -p.z - 0.2, -p.z);
      at = place;
    }`;
  const FRAGMENT = `precision mediump float; varying vec2 at; uniform sampler2D photo;
    void main() { gl_FragColor = texture2D(photo, at); }`;

  function parse(buffer) {
    const view = new DataView(buffer);
    const length = view.getUint32(12, true);
    const document_ = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 20, length)));
    const part = (index) => {
      const { byteOffset, byteLength } = document_.bufferViews[index];
      return buffer.slice(28 + length + byteOffset, 28 + length + byteOffset + byteLength);
    };
    return {
      positions: new Float32Array(part(0)), places: new Float32Array(part(1)),
      indices: new Uint32Array(part(2)), photo: new Blob([part(3)], { type: "image/jpeg" }),
    };
  }

  function program(gl) {
    const made = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    gl.useProgram(made);
    return made;
  }

  function attribute(gl, made, name, values, size) {
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    const at = gl.getAttribLocation(made, name);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, gl.FLOAT, false, 0, 0);
  }

  async function showModel(canvas, buffer) {
    const gl = canvas.getContext("webgl2", { preserveDrawingBuffer: true });
    if (!gl) throw new Error("This browser draws no 3D here; download the model instead.");
    const model = parse(buffer);
    const photo = await createImageBitmap(model.photo);
    canvas.height = Math.round(canvas.width * photo.height / photo.width);
    gl.viewport(0, 0, canvas.width, canvas.height);
    const made = program(gl);
    attribute(gl, made, "position", model.positions, 3);
    attribute(gl, made, "place", model.places, 2);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, model.indices, gl.STATIC_DRAW);
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB, gl.RGB, gl.UNSIGNED_BYTE, photo);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    gl.enable(gl.DEPTH_TEST);

    const state = { side: 0.15, up: 0.05, zoom: 1 };
    function draw() {
      const lens = state.zoom / Math.tan(55 * Math.PI / 360);
      gl.uniform4f(gl.getUniformLocation(made, "turn"),
        Math.cos(state.side), Math.sin(state.side), Math.cos(state.up), Math.sin(state.up));
      gl.uniform2f(gl.getUniformLocation(made, "lens"), lens, lens * canvas.width / canvas.height);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.drawElements(gl.TRIANGLES, model.indices.length, gl.UNSIGNED_INT, 0);
      Object.assign(canvas.dataset, { side: state.side.toFixed(3), up: state.up.toFixed(3) });
    }
    function turn(side, up) {
      const bounded = (value) => Math.min(Math.max(value, -MOST_RAD), MOST_RAD);
      state.side = bounded(state.side + side);
      state.up = bounded(state.up + up);
      draw();
    }
    canvas.onpointerdown = (event) => canvas.setPointerCapture(event.pointerId);
    canvas.onpointermove = (event) => {
      if (event.buttons & 1) turn(event.movementX * 0.005, event.movementY * 0.005);
    };
    canvas.onwheel = (event) => {
      event.preventDefault();
      state.zoom = Math.min(Math.max(state.zoom * Math.exp(-event.deltaY / 1000), 0.4), 4);
      draw();
    };
    canvas.onkeydown = (event) => {
      const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
      if (!step) return;
      event.preventDefault();
      turn(...step);
    };
    draw();
  }

  window.depthViewer.showModel = showModel;
})();
