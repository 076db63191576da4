// Shows the examples of one kind, props.value, as they become ready; a click tells which.
const strip = element.querySelector(".strip"), wait = element.querySelector(".wait");

function button(example, index) {
  const one = document.createElement("button"), picture = document.createElement("img");
  one.type = "button";
  picture.src = example.thumb;
  picture.alt = example.alt;
  picture.width = 320;
  const title = document.createElement("span");
  title.textContent = example.title;
  one.append(picture, title);
  one.addEventListener("click", () => trigger("click", { index }));
  return one;
}

async function load() {
  const told = await (await fetch("examples")).json();
  const mine = told.examples.filter((example) => example.kind === props.value);
  for (let i = strip.children.length; i < mine.length; i++) strip.append(button(mine[i], i));
  wait.hidden = told.complete;
  if (told.problem) {
    wait.hidden = false;
    wait.textContent = `Not every example could be prepared: ${told.problem}`;
  }
  if (!told.complete) setTimeout(load, 1000);
}

load().catch(() => { wait.textContent = "The examples could not be fetched."; });
