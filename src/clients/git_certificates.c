/*
 * libgit2 reads all of the system's certificates when it begins, 3 ms of every command, for the connections that it could
 * open itself. It never does here: src/clients/git*.c use it for objects and refs on this disk alone, and what comes over
 * a network comes by the git program. So the function of mbed TLS that it calls for that reads nothing. Nobody else in
 * this program uses mbed TLS.
 */
#include "base/defs.h"

int mbedtls_x509_crt_parse_file(void *chain, const char *path);

__attribute__((used, visibility("default"))) int mbedtls_x509_crt_parse_file(void *chain,
									     const char *path)
{
	(void)chain;
	(void)path;
	return 0;
}
