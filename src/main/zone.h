/* Rules of time zones, from the system's zone files. */
#pragma once

/* The POSIX TZ rule of a zone ("Europe/Berlin" -> "CET-1CEST,M3.5.0,M10.5.0/3"): the footer of its TZif file (RFC 8536 section 3.3). NULL: no
 * such zone here. ctx is not used. The text is good until the next call from this thread. Reads a small file. */
const char *zone_rule(const char *zone, void *ctx);
