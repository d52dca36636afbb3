/* Order numbers. The shop has no database, and any replica must be able to answer for any order: so a
 * number carries what was ordered, and a checksum that tells a number of ours from a guess. */
#pragma once
#include <stdint.h>

#include "shared/text.h"

struct order {
	uint32_t nonce; /* makes two like orders two */
	unsigned item, quantity;
};

enum { ORDER_NUMBER_LEN = 21 };

/* "o" and 20 hexadecimal digits, terminated. */
void order_number(const struct order *o, char ret[ORDER_NUMBER_LEN + 1]);
bool order_of(struct span number, struct order *ret);
