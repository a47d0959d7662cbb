// Forms: a label above every field, what is wrong below it, busy while being sent.
//
// Fields belong to the browser: nothing is written into them while somebody types, so input methods
// are never disturbed. `send` gets their values by name when the form is sent.

import { Problem } from "./api.js";
import { Told } from "./notices.js";
import { html, signal, useEffect, useId, useMemo, useRef } from "./ui.js";
import { t } from "./words.js";

const drafts = new Map(); // what was typed and not sent, by the name of the draft

/** What is wrong with single fields, found before anything was sent: `{name: sentence}`. */
export class Misfit extends Error {
  constructor(fields) {
    super(Object.values(fields).join(" "));
    this.fields = fields;
  }
}

/**
 * A form. `send(values, form)` sends it; it may throw Misfit or a Problem, which are shown where
 * they belong. What was typed is cleared when it is done, unless `keeps`; with `draft`, a name, it
 * also survives a visit to another page.
 */
export function Form({ send, keeps, draft, class: kind, label, children }) {
  const form = useRef(null);
  const state = useMemo(() => signal({ busy: false, problem: null, fields: {} }), []);
  const submit = async (event) => {
    event.preventDefault();
    if (state.peek().busy) return;
    state.value = { busy: true, problem: null, fields: {} };
    let found = { problem: null, fields: {} };
    try {
      await send(valuesOf(form.current), form.current);
      drafts.delete(draft);
      if (!keeps) form.current?.reset();
    } catch (problem) {
      found = sorted(problem, form.current);
    }
    state.value = { busy: false, ...found };
  };
  useEffect(() => mark(form.current, state.value), [state.value]);
  useEffect(() => {
    if (draft) fillIn(form.current, drafts.get(draft));
  }, [draft]);
  const typed = () => draft && drafts.set(draft, valuesOf(form.current));
  const { busy, problem } = state.value;
  return html`<form
    ref=${form}
    class=${kind}
    novalidate
    aria-label=${label}
    aria-busy=${busy}
    onSubmit=${submit}
    onInput=${typed}
  >
    ${children}
    <div role="alert" class="wrong">${problem && html`<${Told} problem=${problem} />`}</div>
  </form>`;
}

function valuesOf(form) {
  return Object.fromEntries(new FormData(form));
}

function fillIn(form, values = {}) {
  for (const [name, value] of Object.entries(values)) {
    const field = form.elements.namedItem(name);
    if (field instanceof HTMLElement && field.type !== "file") field.value = value;
  }
}

/** To which field a refusal belongs: the one it names, if this form has it. */
function sorted(problem, form) {
  if (problem instanceof Misfit) return { problem: null, fields: problem.fields };
  if (!(problem instanceof Problem)) throw problem;
  const { field } = problem.values;
  if (field && form.elements.namedItem(field)) {
    return { problem: null, fields: { [field]: problem.message } };
  }
  return { problem, fields: {} };
}

/** Put errors to their fields, and go to the first of them; hold the buttons while busy. */
function mark(form, { busy, fields }) {
  let first = null;
  for (const field of form.elements) {
    if (field.type === "submit") field.disabled = busy;
    const place = field.name && form.querySelector(`[data-error-of="${CSS.escape(field.name)}"]`);
    if (!place) continue;
    const wrong = fields[field.name] ?? "";
    place.textContent = wrong;
    if (wrong) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    if (wrong) first ??= field;
  }
  first?.focus();
}

/** A label, its field, a hint, and the place of what is wrong with it. */
function Labelled({ label, name, hint, control }) {
  const id = useId();
  const described = [hint && `${id}-hint`, `${id}-error`].filter(Boolean).join(" ");
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${hint && html`<p class="hint" id=${`${id}-hint`}>${hint}</p>`}
    ${control({ id, name, "aria-describedby": described })}
    <p class="error" id=${`${id}-error`} data-error-of=${name}></p>
  </div>`;
}

/** A line to type in. `value` is what stands there first; the rest are attributes of an input. */
export function Field({ label, name, hint, value, ...rest }) {
  const control = (common) => html`<input ...${common} ...${rest} defaultValue=${value ?? ""} />`;
  return html`<${Labelled} label=${label} name=${name} hint=${hint} control=${control} />`;
}

/** Several lines to type in; Ctrl or Cmd with Enter sends the form. */
export function Area({ label, name, hint, value, ...rest }) {
  const sends = (event) => {
    if (event.isComposing || event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.currentTarget.form.requestSubmit();
  };
  const control = (common) =>
    html`<textarea ...${common} ...${rest} onKeyDown=${sends} defaultValue=${value ?? ""} />`;
  return html`<${Labelled} label=${label} name=${name} hint=${hint} control=${control} />`;
}

/** One of several: `options` are [value, text] pairs. `onChange(value)` hears of every choice. */
export function Select({ label, name, hint, options, value, onChange, ...rest }) {
  const chosen = (event) => onChange?.(event.currentTarget.value);
  const control = (common) => html`<select ...${common} ...${rest} onChange=${chosen}>
    ${options.map(
      ([one, text]) => html`<option key=${one} value=${one} selected=${one === value}>
        ${text}
      </option>`
    )}
  </select>`;
  return html`<${Labelled} label=${label} name=${name} hint=${hint} control=${control} />`;
}

/** Yes or no. Its value is "on" where it is ticked, else it is missing. */
export function Check({ label, name, value }) {
  return html`<label class="check">
    <input type="checkbox" name=${name} defaultChecked=${value} />
    <span>${label}</span>
  </label>`;
}

/** One of a few, all in sight: `options` are [value, text] pairs. */
export function Radios({ label, name, options, value, onChange }) {
  return html`<fieldset>
    <legend>${label}</legend>
    ${options.map(
      ([one, text]) => html`<label class="check" key=${one}>
        <input
          type="radio"
          name=${name}
          value=${one}
          checked=${one === value}
          onChange=${() => onChange?.(one)}
        />
        <span>${text}</span>
      </label>`
    )}
  </fieldset>`;
}

/** The button that sends a form. */
export function Submit({ children, ...rest }) {
  return html`<button class="main" ...${rest}>${children}</button>`;
}

/** A sentence for an amount that cannot be read, under the field of that name. */
export function amountMisfit(name, decimals) {
  return new Misfit({ [name]: t("problem.amount-invalid", { decimals }) });
}
