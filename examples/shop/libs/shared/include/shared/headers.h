#pragma once

/* The header fields that every answer of every service carries; each line ends in CR LF. */
extern const char *const shared_headers;
