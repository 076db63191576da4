// Shows the address of the page with the settings, props.value, at its end.
const input = element.querySelector("input"), said = element.querySelector(".copied");

function show() {
  const here = new URL(location.href);
  here.search = props.value || "";
  here.hash = "";
  input.value = here.href;
  said.textContent = "";
}

element.querySelector("button").addEventListener("click", async () => {
  input.select();
  try {
    await navigator.clipboard.writeText(input.value);
  } catch {
    document.execCommand("copy"); // pages without https have no clipboard of their own
  }
  said.textContent = "Copied.";
});
watch("value", show);
show();
