// Reading a code with the camera: by the browser itself where it can, else by a library that is
// loaded only then. No picture leaves the page.

import { Problem } from "./api.js";
import { show } from "./dialog.js";
import { Told } from "./notices.js";
import { html, useEffect, useRef, useSignal } from "./ui.js";
import { t } from "./words.js";

const LOOK_MS = 150;
const WIDTH_MAX_PIXELS = 800; // finer pictures take longer and tell no more

/**
 * Ask for codes before the camera. `read(text)` hears of each code that is seen, again and again;
 * true ends it, a sentence is shown below the picture ("2 of 3"). False where it was closed before.
 */
export function scan(read) {
  return show(t("web.scan"), (close) => html`<${Camera} read=${read} close=${close} />`);
}

function Camera({ read, close }) {
  const video = useRef(null);
  const told = useSignal(t("web.scan_hint"));
  const problem = useSignal(null);
  useEffect(() => {
    let stream = null;
    let timer = 0;
    let ended = false;
    const look = async (decode) => {
      const text = await decode(video.current);
      if (ended) return;
      const said = text && (await read(text));
      if (said === true) return close(true);
      if (said) told.value = said;
      timer = setTimeout(look, LOOK_MS, decode);
    };
    const start = async () => {
      try {
        stream = await camera();
        if (ended) return stop(stream);
        video.current.srcObject = stream;
        await video.current.play();
        await look(await decoder());
      } catch (error) {
        if (!ended) problem.value = refusal(error);
      }
    };
    start();
    return () => {
      ended = true;
      clearTimeout(timer);
      if (stream) stop(stream);
    };
  }, []);
  if (problem.value) return html`<${Told} problem=${problem.value} />`;
  return html`<video class="camera" ref=${video} muted playsinline aria-label=${t("web.scan")} />
    <p role="status">${told.value}</p>`;
}

function camera() {
  if (!navigator.mediaDevices) throw new DOMException("", "NotFoundError");
  return navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
}

function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}

function refusal(error) {
  if (!(error instanceof DOMException)) throw error;
  const denied = error.name === "NotAllowedError" || error.name === "SecurityError";
  const detail = t(denied ? "web.camera_denied" : "web.camera_none");
  return new Problem({ code: "camera", title: t("web.camera_not"), detail });
}

/** A function that gives the text of the code in a picture, or null. */
async function decoder() {
  const formats = (await window.BarcodeDetector?.getSupportedFormats()) ?? [];
  if (formats.includes("qr_code")) {
    const detector = new BarcodeDetector({ formats: ["qr_code"] });
    return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
  }
  const { decodeQR } = await import("../vendor/qr/decode.js");
  const canvas = document.createElement("canvas");
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, WIDTH_MAX_PIXELS / video.videoWidth);
    canvas.width = video.videoWidth * scale;
    canvas.height = video.videoHeight * scale;
    if (!canvas.width || !canvas.height) return null;
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    try {
      return decodeQR(pen.getImageData(0, 0, canvas.width, canvas.height));
    } catch {
      return null; // no code in this picture
    }
  };
}
