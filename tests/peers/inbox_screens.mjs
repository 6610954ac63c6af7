// Plays cases in the web inbox with a real browser: node inbox_screens.mjs PLAYWRIGHT CHROMIUM FOLDER BASE.
// Commands come on standard input as lines of JSON, answers go to standard output; screenshots go to
// FOLDER. The program that starts this knows the ledger; this only knows what a person sees.
import { createInterface } from "node:readline";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [playwright, executablePath, folder, base] = process.argv.slice(2);
const { chromium } = (await import(pathToFileURL(playwright).href)).default;
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const people = new Map();

async function person(name) {
  if (!people.has(name)) {
    const context = await browser.newContext({ baseURL: base, viewport: { width: 1100, height: 900 } });
    const page = await context.newPage();
    // A script or a style that the policy of the page forbids is a defect.
    const wrong = [];
    page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
    page.on("pageerror", (error) => wrong.push(String(error)));
    people.set(name, { page, context, wrong });
  }
  return people.get(name);
}

const acts = {
  // Signs in with a link for one use.
  async enter({ page }, { link }) {
    await page.goto(link);
    await page.getByRole("button").first().click();
    await page.waitForURL(base + "/");
  },
  async open({ page }, { path }) {
    await page.goto(path);
  },
  async fill({ page }, { label, text }) {
    await page.getByLabel(label, { exact: false }).first().fill(text);
  },
  async choose({ page }, { label, value }) {
    await page.getByLabel(label, { exact: false }).first().selectOption(value);
  },
  async check({ page }, { label, nth }) {
    await page.getByLabel(label, { exact: true }).nth(nth ?? 0).check();
  },
  // Presses a button and waits for the page that comes of it.
  async press({ page }, { button }) {
    await Promise.all([page.waitForNavigation(), page.getByRole("button", { name: button, exact: true }).click()]);
  },
  // Presses a button of which no page comes, and waits for these words.
  async try({ page }, { button, words }) {
    await page.getByRole("button", { name: button, exact: true }).click();
    await page.getByText(words, { exact: false }).first().waitFor();
  },
  // An authenticator of this browser, whose owner is there and says yes.
  async authenticator(who) {
    const session = await who.context.newCDPSession(who.page);
    await session.send("WebAuthn.enable");
    const options = {
      protocol: "ctap2",
      transport: "internal",
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    };
    await session.send("WebAuthn.addVirtualAuthenticator", { options });
  },
  async read({ page }, { selector }) {
    return page.locator(selector).first().innerText();
  },
  async where({ page }) {
    return new URL(page.url()).pathname;
  },
  async shot({ page }, { name, dark }) {
    await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
    await page.screenshot({ path: join(folder, name + ".png"), fullPage: true });
  },
  // Draws an Adaptive Card with Microsoft's renderer; what it shows as text.
  async card({ page }, { renderer, card, name }) {
    await page.setContent("<body style='margin: 0'><div id='card' style='width: 460px'></div></body>");
    await page.addScriptTag({ path: renderer });
    await page.evaluate((drawn) => {
      const { AdaptiveCard, HostConfig } = window.AdaptiveCards;
      // The renderer leaves markup to others. Ours is bold labels beside times.
      AdaptiveCard.onProcessMarkdown = (text, result) => {
        const html = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
        result.outputHtml = html.replace(/\*\*(.+?)\*\*/g, "<b>$1</b>");
        result.didProcess = true;
      };
      const card = new AdaptiveCard();
      card.hostConfig = new HostConfig({ fontFamily: "Segoe UI, Helvetica, Arial, sans-serif" });
      card.parse(drawn);
      document.getElementById("card").appendChild(card.render());
    }, card);
    await page.locator("#card").screenshot({ path: join(folder, name + ".png") });
    return page.locator("#card").innerText();
  },
  async complaints({ wrong }) {
    return wrong;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { who, act, ...rest } = JSON.parse(line);
  let answer;
  try {
    answer = { ok: (await acts[act](await person(who), rest)) ?? null };
  } catch (error) {
    const page = people.get(who)?.page;
    answer = { error: String(error), page: page && (await page.locator("body").innerText().catch(() => "")) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
await browser.close();
