/*
 * The web pages: "/", the paths that the pages give to themselves ("/runs/run-7": always the same document, which then looks at its own address)
 * and "/assets/...". Nobody needs to say who they are: what is served here is the same for everybody and holds no data.
 */
#pragma once
#include "io/httpd.h"

/* For httpd_add_taker(); ctx is not used. True: it was one of the above, and is answered. */
bool ui_take(void *ctx, struct request *r);
