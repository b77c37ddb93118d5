// Pictures of sound, from spectrograms.js: loaded once, when the first one is asked for.
const BANDS = 64, FRAMES_PER_S = 40, LEVELS = 16;
let pictures = null;

function spectrograms() {
  pictures ??= new Promise((done, failed) => {
    window.takeSpectrograms = done;
    const script = document.createElement("script");
    script.src = "spectrograms.js";
    script.onerror = () => failed(new Error("spectrograms.js is not beside this page"));
    document.head.append(script);
  });
  return pictures;
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  const rgb = (name) => style.getPropertyValue(name).match(/[0-9a-f]{2}/gi).map((hex) => parseInt(hex, 16));
  const [low, middle, high] = [rgb("--tint"), rgb("--mark"), rgb("--ink")];
  return Array.from({ length: LEVELS }, (_, k) => {
    const [from, to, at] = k < 9 ? [low, middle, k / 9] : [middle, high, (k - 9) / 6];
    return from.map((value, i) => Math.round(value + at * (to[i] - value)));
  });
}

function paint(canvas, encoded) {
  const bytes = Uint8Array.from(atob(encoded), (one) => one.charCodeAt(0));
  const frames = bytes.length / (BANDS / 2), palette = colours();
  canvas.width = frames;
  canvas.height = BANDS;
  const image = new ImageData(frames, BANDS);
  for (let frame = 0; frame < frames; frame++) {
    for (let band = 0; band < BANDS; band++) {
      const pair = bytes[(frame * BANDS + band) >> 1];
      const at = 4 * ((BANDS - 1 - band) * frames + frame);
      image.data.set([...palette[band % 2 ? pair >> 4 : pair & 15], 255], at);
    }
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Fill `place` with the picture of a clip; a click on it plays from there.
async function showPicture(place, clip, playFrom) {
  try {
    const encoded = (await spectrograms())[clip.id];
    if (!encoded) throw new Error("pictures are made of the most doubtful clips only");
    const box = document.createElement("div"), canvas = document.createElement("canvas"), head = document.createElement("i");
    box.className = "picture";
    head.className = "head";
    head.hidden = true;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", "spectrogram of " + clip.id + ", 0 to 12 kHz, " + clip.duration_s + " s");
    box.title = "0 to 12 kHz; a click plays from there";
    box.onclick = (event) => playFrom((event.offsetX / canvas.clientWidth) * clip.duration_s);
    box.append(canvas, head);
    paint(canvas, encoded);
    place.prepend(box);
  } catch (error) {
    place.prepend(error.message);
  }
}
