// Before the first drawing: colours, text size and language as chosen on this device.
// A classic script on purpose: modules run after the first drawing, and the page would blink.
{
  const root = document.documentElement;
  root.dataset.theme = localStorage.getItem("wetalk-theme") ?? "system";
  root.style.setProperty("--text-scale", (localStorage.getItem("wetalk-size") ?? 100) / 100);
  root.lang = localStorage.getItem("wetalk-language") ?? root.lang;
}
