/* Whatever the other side of an agent's connection says is read or refused; what is read is written and read again as the same. */
#include "flow/2-agent/wire.h"

#include <stdlib.h>

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool ok)
{
	if (!ok)
		abort();
}

static void again(const struct shape *shape, const void *object,
		  enum rc (*read)(struct str text, void *ret, struct err *err))
{
	struct strbuf once = STRBUF((size_t)16 << 20);
	struct json_out o = JSON_OUT(&once);
	void *second = xcalloc(1, shape->size);
	struct err err = {0};

	shape_write(&o, NULL, shape, object);
	expect(!strbuf_failed(&once));
	expect(read(strbuf_str(&once), second, &err) == RC_OK);
	expect(shape_equal(shape, object, second));
	shape_done(shape, second);
	xfree(second);
	strbuf_done(&once);
}

#define READER(type)                                                            \
	static enum rc read_##type(struct str text, void *ret, struct err *err) \
	{                                                                       \
		return type##_read(text, ret, err);                             \
	}                                                                       \
	static void try_##type(struct str text)                                 \
	{                                                                       \
		struct type object = {0};                                       \
		struct err err = {0};                                           \
                                                                                \
		if (type##_read(text, &object, &err) != RC_OK) {                \
			expect(err.msg[0] && str_is_utf8(str_of(err.msg)));     \
			return;                                                 \
		}                                                               \
		again(&shape_##type, &object, read_##type);                     \
		shape_done(&shape_##type, &object);                             \
	}
READER(agent_hello)
READER(agent_order)
READER(agent_job)
READER(agent_end)
READER(agent_digests)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};

	if (!size)
		return 0;
	text.p++;
	text.n--;
	switch (data[0] % 5) {
	case 0:
		try_agent_hello(text);
		break;
	case 1:
		try_agent_order(text);
		break;
	case 2:
		try_agent_job(text);
		break;
	case 3:
		try_agent_end(text);
		break;
	default:
		try_agent_digests(text);
		break;
	}
	return 0;
}
