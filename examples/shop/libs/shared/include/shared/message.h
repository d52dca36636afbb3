/* HTTP/1.1 messages as bytes: parsing without copies and without I/O. */
#pragma once
#include "shared/text.h"

enum { HTTP_HEAD_MAX = 8192, HTTP_BODY_MAX = 65536 };

/* All spans point into the bytes that were parsed. */
struct http_request {
	struct span method, path, query, fields, body;
	size_t head_len, body_len;
	bool keep_alive, expects_continue;
};

struct http_reply {
	int status;
	struct span fields;
	size_t head_len, body_len;
	bool has_length, keep_alive;
};

/* 0: the head is whole and right (the body may still be missing); 1: more bytes are needed; otherwise
 * the HTTP status to refuse with (400, 411, 413, 414, 431, 501, 505). */
int http_parse_request(const char *buf, size_t n, struct http_request *ret);

/* 0: the head is whole; 1: more bytes are needed; -1: not an answer that we can read. */
int http_parse_reply(const char *buf, size_t n, struct http_reply *ret);

/* The value of a header field, without the spaces around it; false when it is absent. */
bool http_field(struct span fields, const char *name, struct span *ret);

const char *http_reason(int status);
