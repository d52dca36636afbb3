/*
 * What the shim (src/shim/docker.c) hands to the first process of a docker container (init.c), in one message through a socket: this, and
 * descriptors beside it. Nothing of it passes through docker. It is plain data: the container's side is linked statically, without base.
 */
#pragma once
#include <stdint.h>

#define ORDER_BINDS 200
#define ORDER_TEXTS 65536 /* at most */
#define ORDER_ASK \
	"/ask/s" /* the socket, as the container sees it; what is not met there ends the init \
		  */

struct order {
	uint64_t text, tmp_max, file_max; /* bytes; tmp_max 0: /tmp is what is there */
	uint64_t caps;                    /* bits: what a superuser keeps */
	uint32_t binds, argv, env;        /* how many */
	uint32_t uid, gid;
};
/* Descriptors, in this order; then one mount a bind. */
enum {
	ORDER_ROOT,   /* a mount: the file system that becomes the root */
	ORDER_NET,    /* a network namespace to stand in */
	ORDER_STATUS, /* "exit-code" and "oom" are appended to it (sandbox.c) */
	ORDER_TEXT, /* texts, each with its NUL: cwd; for each bind 'd' or 'f' and where it goes; argv ...; "KEY=value" ... */
	ORDER_IN,
	ORDER_OUT,
	ORDER_ERR,
	ORDER_FDS
};
/* The answer, once the program runs: one byte. The socket is also the life line: who closes it ends the container. */
