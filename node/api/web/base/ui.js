// What every part of the client is built of, from one place: markup, hooks, signals.
//
// Markup is `html` with a template: html`<p class="soft">${text}</p>`. What stands in ${} becomes a
// text node or an attribute, never markup; a component is <${Name} prop=${value} />.

import { Fragment, h, render } from "../vendor/preact.js";
import {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from "../vendor/hooks.js";
import htm from "../vendor/htm.js";
import { batch, computed, effect, signal, useSignal } from "../vendor/signals.js";

export const html = htm.bind(h);
export {
  Fragment, batch, computed, effect, render, signal, useCallback, useEffect, useId,
  useLayoutEffect, useMemo, useRef, useSignal, useState,
};
