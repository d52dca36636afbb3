// tests/peers/oidc_browser.mjs URL ACCOUNT [cancel]: what a browser and its person do at oidc_provider.mjs's pages, beginning at an authorization
// URL: log in, consent (or cancel). Prints the URL that leads back to the client, which is not followed.
const [, , start, account, cancel] = process.argv;
const home = new URL(start).origin;
const jar = new Map();
let url = start;
let form;
for (let step = 0; step < 20; step++) {
  if (new URL(url).origin !== home || !/^\/(auth|interaction)\b/.test(new URL(url).pathname)) {
    console.log(url);
    process.exit(0);
  }
  const answer = await fetch(url, {
    method: form ? "POST" : "GET",
    body: form && new URLSearchParams(form),
    headers: { cookie: [...jar].map(([k, v]) => `${k}=${v}`).join("; ") },
    redirect: "manual",
  });
  for (const line of answer.headers.getSetCookie()) {
    const [pair] = line.split(";");
    const at = pair.indexOf("=");
    jar.set(pair.slice(0, at), pair.slice(at + 1));
  }
  form = undefined;
  if (answer.headers.has("location")) {
    url = new URL(answer.headers.get("location"), url).href;
    continue;
  }
  const page = await answer.text();
  const action = page.match(/<form[^>]* action="([^"]+)"/)?.[1];
  if (!answer.ok || !action) {
    console.error(`HTTP ${answer.status} at ${url}: ${page.replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").slice(0, 500)}`);
    process.exit(1);
  }
  const prompt = page.match(/name="prompt" value="([^"]+)"/)[1];
  if (cancel && prompt === "login") {
    url = new URL(page.match(/href="([^"]*\/abort)"/)[1], url).href;
    continue;
  }
  form = prompt === "login" ? { prompt, login: account, password: "any" } : { prompt };
  url = new URL(action, url).href;
}
console.error("the provider sends us round in circles");
process.exit(1);
