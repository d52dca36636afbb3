// tests/peers/oidc_provider.mjs: a real OpenID provider (npm oidc-provider) for tests, on the loopback. Its keys are new with every start.
//
//   node oidc_provider.mjs --port N [--alg RS256|ES256] [--clock=SECONDS] [--accounts FILE] [--redirect URI]...
//                          [--groups id_token|userinfo] [--lie CLAIM=VALUE] [--no-kid]
//
// --port 0 takes any. Prints "ready ISSUER" when it answers. --clock: its clock is so many seconds ahead (--clock=-60: behind).
// --accounts: JSON, {"ann": {"name": ..., "email": ..., "email_verified": ..., "groups": [...]}}; the login page takes any of these names
// and any password. --groups: where they stand. --lie: its ID tokens, signed as always, say this instead.
// Clients: "penstock" with the secret "a secret: 7", and "public" without one; both may ask for the scopes openid profile email groups.
import { createRequire } from "node:module";
import { createPrivateKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const { values: o } = parseArgs({
  options: {
    port: { type: "string", default: "0" },
    alg: { type: "string", default: "RS256" },
    clock: { type: "string", default: "0" },
    accounts: { type: "string" },
    redirect: { type: "string", multiple: true, default: ["http://127.0.0.1:7400/api/v1/login/oidc/callback"] },
    groups: { type: "string", default: "id_token" },
    lie: { type: "string" },
    "no-kid": { type: "boolean", default: false },
  },
});
const realNow = Date.now;
Date.now = () => realNow() + Number(o.clock) * 1000; // before anything of the provider is loaded

const peers = process.env.PENSTOCK_PEERS ?? join(homedir(), ".cache/penstock-peers");
const need = createRequire(join(peers, "oidc/package.json"));
const load = (name) => import(pathToFileURL(need.resolve(name)));
const { default: Provider } = await load("oidc-provider");
const { SignJWT, decodeJwt, decodeProtectedHeader, importJWK } = await load("jose");

const accounts = o.accounts
  ? JSON.parse(readFileSync(o.accounts, "utf8"))
  : {
      ann: { name: "Ann", email: "ann@shop.example", email_verified: true, groups: ["devs", "approvers"] },
      bob: { name: "Bob", email: "bob@shop.example", email_verified: false, groups: ["devs"] },
      eve: { name: "Eve" },
    };
// By way of PEM: Node 20 exports a JWK under the key's lock, which the job that generated the key takes, too, when the garbage collector comes
// by meanwhile and destroys it. One start of a hundred waited for itself for ever.
const pem = { publicKeyEncoding: { type: "spki", format: "pem" }, privateKeyEncoding: { type: "pkcs8", format: "pem" } };
const jwk = ({ privateKey }, alg) => ({ ...createPrivateKey(privateKey).export({ format: "jwk" }), use: "sig", alg, kid: randomUUID() });
const keys = [
  jwk(generateKeyPairSync("rsa", { modulusLength: 2048, ...pem }), "RS256"),
  jwk(generateKeyPairSync("ec", { namedCurve: "P-256", ...pem }), "ES256"),
];

const server = createServer();
await new Promise((done) => server.listen(Number(o.port), "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const client = { redirect_uris: o.redirect, grant_types: ["authorization_code"], response_types: ["code"], id_token_signed_response_alg: o.alg };
const provider = new Provider(issuer, {
  clients: [
    { ...client, client_id: "penstock", client_secret: "a secret: 7" },
    { ...client, client_id: "public", token_endpoint_auth_method: "none" },
  ],
  jwks: { keys },
  cookies: { keys: [randomUUID()] },
  scopes: ["openid", "profile", "email", "groups"],
  claims: { openid: ["sub"], profile: ["name"], email: ["email", "email_verified"], groups: ["groups"] },
  conformIdTokenClaims: o.groups !== "id_token",
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
});

// The liar signs with the provider's own key: only what the token says is wrong.
provider.use(async (context, next) => {
  await next();
  if (!(context.path === "/token" && context.body?.id_token && (o.lie || o["no-kid"]))) return;
  const [claim, value] = (o.lie ?? "=").split("=");
  const header = decodeProtectedHeader(context.body.id_token);
  const key = await importJWK(keys.find((k) => k.kid === header.kid), header.alg);
  const claims = decodeJwt(context.body.id_token);
  if (claim) claims[claim] = value;
  if (o["no-kid"]) delete header.kid;
  context.body = { ...context.body, id_token: await new SignJWT(claims).setProtectedHeader(header).sign(key) };
});
provider.on("server_error", (_, error) => console.error(error));
server.on("request", provider.callback());
console.log(`ready ${issuer}`);
