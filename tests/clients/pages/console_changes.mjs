// A part of the organiser's journey: a box drawn by hand, people named, merged and split, numbers decided by the keyboard.
// Begins at a photo that was analysed.

/** Carry it out on `page`; `tell(step, facts)` reports each step, `opens(section)` goes to a section of the album. */
export async function changes({ page, tell, opens, violations }) {
  await drawBox(page, tell);
  await namePeople(page, tell);
  await mergeAndSplit({ page, tell, opens, violations });
  await decideNumbers({ page, tell, opens, violations });
}

/** A drag over the picture makes the box of a number, which is added with it, and taken back. */
async function drawBox(page, tell) {
  const frame = page.locator(".stage .frame");
  const boxes = page.locator(".box.bib");
  const before = await boxes.count();
  await page.locator(".stage img").evaluate((image) => image.decode());
  await page.keyboard.press("d");
  const { x, y, width, height } = await frame.boundingBox();
  await page.mouse.move(x + 0.1 * width, y + 0.1 * height);
  await page.mouse.down();
  await page.mouse.move(x + 0.3 * width, y + 0.2 * height, { steps: 3 });
  await page.mouse.up();
  await page.getByLabel("Add a number").pressSequentially("8123"); // it has the focus, and the box waits
  await page.keyboard.press("Enter");
  const drawn = page.getByRole("button", { name: "Number: 8123" });
  await drawn.waitFor();
  const style = await drawn.evaluate((box) => [box.style.left, box.style.top, box.style.width, box.style.height].map((value) => Math.round(parseFloat(value))));
  const added = (await boxes.count()) - before;
  await page.locator(".toast", { hasText: "8123 was added." }).getByRole("button", { name: "Undo" }).click();
  await drawn.waitFor({ state: "detached" });
  tell("box drawn", { style, added, left: (await boxes.count()) - before });
}

/** The face that wears the number gets a name, and so does another one. */
async function namePeople(page, tell) {
  const wearer = await page.locator(".number-row select").first().inputValue();
  for (const [name, which] of [["Ada", `[data-face="${wearer}"]`], ["Bea", `:not([data-face="${wearer}"])`]]) {
    const row = page.locator(`.face-row${which}`).first();
    await row.getByRole("button", { name: /Who is it|Other person|Someone else/ }).first().click();
    await page.getByRole("dialog").locator("input[name=name]").fill(name);
    await page.getByRole("dialog").getByRole("button", { name: "New person" }).click();
    await row.getByRole("link", { name }).waitFor();
  }
  tell("named", { faces: (await page.locator(".face-row .face-name").allTextContents()).filter((name) => ["Ada", "Bea"].includes(name)).sort() });
}

async function mergeAndSplit({ page, tell, opens, violations }) {
  await opens("People");
  for (const name of ["Ada", "Bea"]) await page.getByRole("checkbox", { name: `Choose ${name}` }).check();
  const axe = await violations();
  await page.getByRole("button", { name: "Merge 2" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Merge" }).click();
  await page.getByText("The people were merged.").waitFor();
  const named = page.locator(".person-name");
  await page.waitForFunction(() => document.querySelectorAll(".person-name").length === 1);
  const merged = await named.allTextContents();
  await named.first().click();
  await page.getByRole("heading", { level: 1, name: merged[0] }).waitFor();
  const faces = page.locator(".face-tile:has(input)");
  const both = await faces.count();
  await faces.last().getByRole("checkbox").check();
  await page.getByRole("button", { name: "Split off" }).click();
  const split = page.locator(".toast", { hasText: "1 face is a new person now." });
  await split.waitFor();
  await page.waitForFunction((count) => document.querySelectorAll(".face-tile:has(input)").length === count - 1, both);
  tell("merged and split", { merged, both, left: await faces.count(), axe });
}

/** Y, ← to take it back, N: the queue asks again for what was taken back. */
async function decideNumbers({ page, tell, opens, violations }) {
  await opens("Numbers");
  const question = page.locator(".decision .asked h2");
  await question.waitFor();
  const asked = await question.textContent();
  const axe = await violations();
  const decided = () => page.waitForResponse((answer) => answer.request().method() === "PUT" && answer.url().includes("/numbers/"));
  const first = decided();
  await page.keyboard.press("y");
  const confirmed = (await first).status();
  const undone = page.waitForResponse((answer) => answer.url().endsWith("/undo"));
  await page.keyboard.press("ArrowLeft");
  await undone;
  await page.waitForFunction((wanted) => document.querySelector(".decision .asked h2")?.textContent === wanted, asked);
  const second = decided();
  await page.keyboard.press("n");
  const answer = await second;
  tell("decided", { asked, confirmed, rejected: answer.status(), sent: answer.request().postDataJSON(), axe });
}
