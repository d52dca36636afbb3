#include "catalogue.h"

static const struct item items[] = {
	{ "tea", 450 },
	{ "coffee", 520 },
	{ "teapot", 2900 },
	{ "mug", 1150 },
};

enum { ITEMS = sizeof(items) / sizeof(items[0]) };

const struct item *item_find(struct span name)
{
	for (size_t i = 0; i < ITEMS; i++)
		if (span_is(name, items[i].name))
			return &items[i];
	return NULL;
}

const struct item *item_at(size_t number)
{
	return number < ITEMS ? &items[number] : NULL;
}

size_t item_number(const struct item *item)
{
	return (size_t)(item - items);
}

long total_cents(const struct item *item, long quantity)
{
	long total = item->price_cents * quantity;

	return quantity >= 10 ? total - total / 10 : total;
}
