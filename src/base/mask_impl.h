/* Between mask.c (the automaton) and mask_forms.c (how secrets look when programs write them). */
#pragma once
#include "base/mask.h"

/* Call each(ctx, pattern) for every form of a secret; the same may come twice. */
void mask_forms(struct str secret, void (*each)(void *ctx, struct str pattern), void *ctx);
