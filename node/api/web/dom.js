// Building what is shown. Text enters as text nodes only, so nothing anybody wrote becomes markup.

/** An element: `h("p", {class: "soft", onclick: f}, "text", child, …)`; false, null: left out. */
export function h(name, options = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(options)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (key === "value") element.value = value;
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child || child === 0));
}

/** A field with its label above. `control` is an input, select or textarea. */
export function field(label, control) {
  return h("label", {}, h("span", {}, label), control);
}

/** A form that calls `send` with its values, busy meanwhile; cleared where `send` says true. */
export function form(send, ...children) {
  const element = h("form", { novalidate: true }, ...children);
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    const buttons = [...element.querySelectorAll("button")];
    if (buttons.some((button) => button.disabled)) return;
    buttons.forEach((button) => (button.disabled = true));
    try {
      const values = Object.fromEntries(new FormData(element));
      if (await send(values)) element.reset();
    } finally {
      buttons.forEach((button) => (button.disabled = false));
    }
  });
  return element;
}

/** A select of [value, text] pairs. */
export function choice(name, pairs, chosen) {
  const options = pairs.map(([value, text]) =>
    h("option", { value, selected: value === chosen }, text)
  );
  return h("select", { name }, ...options);
}

/** A card with a heading. */
export function card(heading, ...children) {
  return h("section", { class: "card" }, heading && h("h2", {}, heading), ...children);
}

const TYPING_MS = 2000;

/** Renew what an element shows, but not while somebody has typed into it: then a little later. */
export function unlessTyping(element, renew) {
  clearTimeout(element.renewing);
  const typed = [...element.querySelectorAll("textarea")].some((area) => area.value);
  if (!typed) renew();
  else element.renewing = setTimeout(() => unlessTyping(element, renew), TYPING_MS);
}
