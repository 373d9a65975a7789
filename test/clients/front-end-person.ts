/** What a person does in OpenList's front end, by what he reads there: one function for each doing. */
import type { Page } from "playwright-core";

/** A file that is chosen for upload. */
export interface ChosenFile {
  readonly name: string;
  readonly content: Buffer;
}

/** A person before the front end's page. */
export interface Person {
  /** Enters a folder that is shown. */
  enter(name: string): Promise<void>;
  /** Waits until the list shows this name. */
  sees(name: string): Promise<void>;
  /** Waits until the list does not show this name. */
  misses(name: string): Promise<void>;
  makeFolder(name: string): Promise<void>;
  makeFile(name: string): Promise<void>;
  rename(name: string, to: string): Promise<void>;
  /** Copies or moves what is shown into a folder below the root. */
  take(how: "Copy" | "Move", name: string, folder: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** Uploads, and waits until each is told to have succeeded. */
  upload(...files: readonly ChosenFile[]): Promise<void>;
  /** Shares what is shown; the address of the share. */
  share(name: string): Promise<string>;
  /** Searches for a name, and waits until it is found in this folder. */
  search(name: string, folder: string): Promise<void>;
  addStorage(driver: string, fields: Readonly<Record<string, string>>): Promise<void>;
  press(button: string): Promise<void>;
  /** Sends a form off by this button, and waits for the page that follows when it was taken. */
  submit(button: string): Promise<void>;
}

/** Resolves when the page has shown what it got. */
async function rendered(page: Page): Promise<void> {
  await page.evaluate("new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))");
}

/** What is in a chosen folder opens below it, and moves the buttons: they are pressed after that. */
async function chooseFolder(page: Page, folder: string): Promise<void> {
  const name = page.locator(".folder-tree-box").getByText(folder, { exact: true });
  await Promise.all([page.waitForResponse(/\/fs\/dirs$/), name.click()]);
  await rendered(page);
}

/** A person at this page. */
export function createPerson(page: Page): Person {
  const dialog = page.locator(".hope-modal__content");
  const press = (button: string) => page.getByRole("button", { name: button, exact: true }).click();
  const shown = (name: string) => page.locator(".list-item").getByText(name, { exact: true });
  async function menu(name: string, item: string) {
    await shown(name).click({ button: "right" });
    await page
      .locator(".solid-contextmenu__item", { hasText: new RegExp(`^${item}$`) })
      .first()
      .click();
  }
  async function tool(tip: string) {
    const wanted = page.locator(`.left-toolbar-box svg[tips="${tip}"]`);
    if (!(await wanted.isVisible())) await page.locator(".left-toolbar-box svg").last().click();
    await wanted.click();
  }
  async function answer(text: string) {
    await page.locator("#modal-input").fill(text);
    await done("OK");
  }
  /** The list is loaded anew after each change, and forgets what was chosen in it: nobody goes on before that. */
  async function done(button: string) {
    await Promise.all([page.waitForResponse(/\/fs\/list$/), press(button)]);
    await dialog.waitFor({ state: "detached" });
    await rendered(page);
  }
  /** Only a form that was taken leads back to where one came from. */
  async function submit(button: string) {
    const { href } = new URL(page.url());
    await Promise.all([page.waitForURL((url) => url.href !== href), press(button)]);
  }
  return {
    press,
    submit,
    enter: (name) => shown(name).click(),
    sees: (name) => shown(name).waitFor(),
    misses: (name) => shown(name).waitFor({ state: "detached" }),
    async makeFolder(name) {
      await tool("mkdir");
      await answer(name);
    },
    async makeFile(name) {
      await tool("new_file");
      await answer(name);
    },
    async rename(name, to) {
      await menu(name, "Rename");
      // It selects what stands before the extension, a moment after it has opened; what is typed before that is muddled.
      await page.waitForFunction("document.querySelector('#modal-input')?.selectionEnd > 0");
      await answer(to);
    },
    async take(how, name, folder) {
      await menu(name, how);
      // Here the tree is open already.
      await chooseFolder(page, folder);
      await done("OK");
    },
    async remove(name) {
      await menu(name, "Delete");
      await done("Confirm");
    },
    async upload(...files) {
      await tool("upload");
      await page
        .locator("input[type=file]:not([webkitdirectory])")
        .setInputFiles(
          files.map(({ name, content }) => ({ name, mimeType: "application/octet-stream", buffer: content })),
        );
      for (let i = 0; i < files.length; i += 1) await dialog.getByText("Success", { exact: true }).nth(i).waitFor();
      await Promise.all([page.waitForResponse(/\/fs\/list$/), page.getByLabel("Close modal").click()]);
      await dialog.waitFor({ state: "detached" });
      await rendered(page);
    },
    async share(name) {
      await menu(name, "Share");
      await press("Confirm");
      await dialog.getByRole("button", { name: "Copy link" }).waitFor();
      const text = await dialog.locator("textarea").inputValue();
      await press("Confirm");
      await dialog.waitFor({ state: "detached" });
      return /\S+\/@s\/\S+/.exec(text)?.[0] ?? text;
    },
    async search(name, folder) {
      await page.keyboard.press("Control+k");
      const input = page.locator("#search-input");
      await input.fill(name);
      await Promise.all([page.waitForResponse(/\/fs\/search$/), input.press("Enter")]);
      await dialog.getByText(folder, { exact: true }).first().waitFor();
    },
    async addStorage(driver, fields) {
      await page.locator("#driver-trigger").click();
      await page.getByRole("option", { name: driver, exact: true }).click();
      for (const [name, value] of Object.entries(fields)) await page.locator(`#${name}`).fill(value);
      await submit("Add");
    },
  };
}

/** Chooses the folder of a form's field. */
export async function chooseInField(page: Page, field: string, folder: string): Promise<void> {
  await page.locator(`#${field}`).click();
  const tree = page.locator(".folder-tree-box");
  await tree.locator("svg").first().click();
  await tree.getByText(folder, { exact: true }).click();
  await page.locator(".hope-modal__footer button").last().click();
}
