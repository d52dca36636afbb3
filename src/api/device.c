/*
 * A program without a browser asks for a token, a person says yes in theirs (RFC 8628, by our own means: the person is logged in by whatever way
 * there is). What waits is kept in memory: after a restart the program asks again.
 */
#include "api/api_impl.h"

#define DEVICE_TIME  (10 * USEC_MIN)
#define DEVICES_MAX  256
#define DEVICES_EACH 32 /* of one address: it keeps nobody else out */
#define POLL_SECONDS 2
#define CODE_LETTERS "BCDFGHJKLMNPQRSTVWXZ" /* no vowels, no words */
#define CODE_LENGTH  8

enum device_state { DEVICE_WAITS, DEVICE_YES, DEVICE_NO };
struct device {
	char digest[DIGEST_HEX + 1]; /* of the program's code */
	char user_code[CODE_LENGTH + 2];
	char *name, *actor;
	char *from; /* address of the program */
	/* of what the person came by: the token is limited as that is */
	enum role role;
	char *environment;
	uint64_t limit;
	enum device_state state;
	usec_t until, asked;
};
struct devices {
	VEC(struct device) list;
};

static void drop(struct devices *d, size_t i)
{
	xfree(d->list.v[i].name);
	xfree(d->list.v[i].actor);
	xfree(d->list.v[i].from);
	xfree(d->list.v[i].environment);
	vec_remove(&d->list, i);
}

void devices_free(struct devices *d)
{
	while (d && d->list.n)
		drop(d, 0);
	if (d)
		vec_done(&d->list);
	xfree(d);
}

static struct devices *devices_of(struct api *api)
{
	usec_t now = runner_now(api->runner);

	if (!api->devices)
		api->devices = xcalloc(1, sizeof(*api->devices));
	for (size_t i = 0; i < api->devices->list.n;)
		if (api->devices->list.v[i].until <= now)
			drop(api->devices, i);
		else
			i++;
	return api->devices;
}

/* From the secret's own digest: as random as that is. */
static void make_user_code(const char *digest, char ret[CODE_LENGTH + 2])
{
	static const char letters[] = CODE_LETTERS;
	size_t at = 0;

	for (size_t i = 0; i < CODE_LENGTH; i++) {
		unsigned high = (unsigned char)digest[2 * i],
			 low = (unsigned char)digest[2 * i + 1];

		if (i == CODE_LENGTH / 2)
			ret[at++] = '-';
		ret[at++] = letters[(high * 31 + low) % (sizeof(letters) - 1)];
	}
	ret[at] = 0;
}

void post_device(struct call *c)
{
	struct devices *d = devices_of(c->api);
	char secret[SECRET_TEXT + 1], random[SECRET_TEXT + 1], hash[DIGEST_HEX + 1];
	struct json_out o = JSON_OUT(&c->out);

	char address[REQUEST_ADDRESS];
	size_t same = 0;

	request_address(c->r, address);
	vec_each(dev, &d->list)
		same += streq(dev->from, address);
	if (d->list.n >= DEVICES_MAX || same >= DEVICES_EACH) {
		request_add_header(c->r, "Retry-After", "60");
		call_problem(c, 503, RC_UNAVAILABLE,
			     "too many programs wait to be let in: try again in a minute");
		return;
	}
	vec_add(&d->list);
	struct device *dev = vec_last(&d->list);
	secret_make("psd_", secret);
	secret_hash(str_of(secret), dev->digest);
	secret_make("x", random);
	secret_hash(str_of(random), hash);
	make_user_code(hash, dev->user_code);
	dev->until = runner_now(c->api->runner) + DEVICE_TIME;
	dev->name = body_take(c, "name");
	dev->from = xstrdup(address);
	json_open(&o, NULL);
	json_cstr(&o, "device_code", secret);
	json_cstr(&o, "user_code", dev->user_code);
	json_cstr(&o, "verification_uri", "/device");
	json_u64(&o, "expires_in", DEVICE_TIME / USEC_SEC);
	json_u64(&o, "interval", POLL_SECONDS);
	json_close(&o);
	mem_wipe(secret, sizeof(secret));
	call_json(c, 200, &c->out);
}

/* As people type it: small letters, with or without the dash. */
static bool is_code(const char *code, const char *given)
{
	for (;; code++, given++) {
		while (*given == '-' || *given == ' ')
			given++;
		while (*code == '-')
			code++;
		char a = *code, b = *given >= 'a' && *given <= 'z' ? (char)(*given - 32) : *given;

		if (a != b)
			return false;
		if (!a)
			return true;
	}
}

void post_device_approve(struct call *c)
{
	struct devices *d = devices_of(c->api);
	const char *given = json_get_text(c->body, "user_code", ""), *actor = request_actor(c->r);
	struct json_out o = JSON_OUT(&c->out);

	vec_each(dev, &d->list) {
		if (dev->state != DEVICE_WAITS || !is_code(dev->user_code, given))
			continue;
		if (!access_user(engine_model(c->api->e), actor)) {
			call_failf(
				c, RC_CONFLICT,
				"%s has no account here, so that no token can act as it: log in as a user",
				actor);
			return;
		}
		dev->role = ROLE_ADMIN;
		if (!token_limit(c, &dev->role, &dev->environment, &dev->limit))
			return;
		dev->state = body_truth(c, "ok", true) ? DEVICE_YES : DEVICE_NO;
		dev->actor = xstrdup(actor);
		json_open(&o, NULL);
		json_bool(&o, "ok", true);
		json_cstr(&o, "name", dev->name ? dev->name : "a program");
		json_close(&o);
		call_json(c, 200, &c->out);
		return;
	}
	failed_login(c->api, c->r);
	call_failf(c, RC_NOT_FOUND, "no program waits with this code: it is good for ten minutes");
}

/* RFC 8628, 3.5: as OAuth says it, in our form of a problem. */
static void not_yet(struct call *c, const char *error, const char *detail)
{
	request_add_header(c->r, "Penstock-Device", error);
	call_problem(c, 400, RC_CONFLICT, "%s: %s", error, detail);
}

void post_device_token(struct call *c)
{
	struct devices *d = devices_of(c->api);
	usec_t now = runner_now(c->api->runner);
	char digest[DIGEST_HEX + 1];

	secret_hash(str_of(json_get_text(c->body, "device_code", "")), digest);
	for (size_t i = 0; i < d->list.n; i++) {
		struct device *dev = &d->list.v[i];

		if (!streq(dev->digest, digest))
			continue;
		if (dev->state == DEVICE_NO) {
			drop(d, i);
			not_yet(c, "access_denied", "the person said no");
		} else if (dev->state == DEVICE_WAITS) {
			bool hasty = dev->asked && now - dev->asked < USEC_SEC;

			dev->asked = now;
			not_yet(c, hasty ? "slow_down" : "authorization_pending",
				hasty ? "ask every two seconds" : "nobody has said yes yet");
		} else {
			AUTO(freep) char *actor = xstrdup(dev->actor);
			AUTO(freep) char *name = xstrdup(dev->name ? dev->name : "program");
			AUTO(freep)
			char *environment = dev->environment ? xstrdup(dev->environment) : NULL;
			enum role role = dev->role;
			usec_t limit = dev->limit;

			drop(d, i);
			device_token(c, actor, name, role, environment, limit);
		}
		return;
	}
	failed_login(c->api, c->r);
	not_yet(c, "expired_token", "this code is not known, or its ten minutes are over");
}
