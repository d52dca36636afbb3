/* The sockets that are listened on. */
#include "io/httpd_impl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/files.h"

#define BACKLOG 512

/* Whoever listens there answers; a socket file whose daemon died does not. */
static bool answers(const struct sockaddr_un *to)
{
	AUTO(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return true;
	return connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0 || errno == EAGAIN;
}

static enum rc make_room(const struct sockaddr_un *at, struct err *err)
{
	struct stat st;

	if (lstat(at->sun_path, &st) < 0)
		return errno == ENOENT ? RC_OK : err_errno(err, errno, "socket %s", at->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, RC_CONFLICT, "%s is no socket: move it away", at->sun_path);
	if (answers(at))
		return err_set(err, RC_CONFLICT, "a daemon listens on %s already", at->sun_path);
	if (unlink(at->sun_path) < 0 && errno != ENOENT)
		return err_errno(err, errno, "remove the old socket %s", at->sun_path);
	return RC_OK;
}

enum rc listen_unix(const char *path, int *ret_fd, dev_t *ret_dev, ino_t *ret_ino, struct err *err)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	struct stat st;

	if (strlen(path) >= sizeof(at.sun_path))
		return err_set(
			err, RC_TOO_BIG,
			"socket %s: longer than the %zu bytes that the system takes; choose a shorter data folder",
			path, sizeof(at.sun_path) - 1);
	memcpy(at.sun_path, path, strlen(path) + 1);
	enum rc rc = make_room(&at, err);
	if (rc != RC_OK)
		return rc;
	AUTO(fd_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* The file takes its mode from the descriptor: there is no moment at which others may connect. */
	if (fd < 0 || fchmod(fd, 0600) < 0 ||
	    bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, BACKLOG) < 0 ||
	    lstat(path, &st) < 0)
		return err_errno(err, errno, "listen on %s", path);
	if ((st.st_mode & 0777) != 0600 && chmod(path, 0600) < 0)
		return err_errno(err, errno, "listen on %s", path);
	*ret_dev = st.st_dev;
	*ret_ino = st.st_ino;
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}

/* Addresses only: a name may mean several, and changes its meaning. An IPv6 address may stand in brackets. */
static bool resolve(const char *address, uint16_t port, struct sockaddr_storage *ret,
		    socklen_t *ret_n)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				       .ai_socktype = SOCK_STREAM};
	struct str text = str_of(address);
	struct addrinfo *found = NULL;
	char service[8];

	if (str_starts(text, "[") && str_ends(text, "]"))
		text = (struct str){text.p + 1, text.n - 2};
	AUTO(freep) char *plain = xstrndup(text.p, text.n);
	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(plain, service, &hints, &found) != 0)
		return false;
	memcpy(ret, found->ai_addr, found->ai_addrlen);
	*ret_n = found->ai_addrlen;
	freeaddrinfo(found);
	return true;
}

bool httpd_is_loopback(const char *address)
{
	struct sockaddr_storage at = {0};
	socklen_t n = 0;

	if (!resolve(address, 0, &at, &n))
		return false;
	if (at.ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)(const void *)&at)->sin_addr.s_addr) >>
			       24 ==
		       127;
	return at.ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)&at)->sin6_addr);
}

static uint16_t port_of(const struct sockaddr_storage *at)
{
	return ntohs(at->ss_family == AF_INET6
			     ? ((const struct sockaddr_in6 *)(const void *)at)->sin6_port
			     : ((const struct sockaddr_in *)(const void *)at)->sin_port);
}

enum rc listen_tcp(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
		   struct err *err)
{
	struct sockaddr_storage at = {0};
	socklen_t size = 0;
	int yes = 1;

	if (!resolve(address, port, &at, &size))
		return err_set(err, RC_INVALID,
			       "%.100s is no address to listen on: 127.0.0.1, ::1, 0.0.0.0, :: ...",
			       address);
	AUTO(fd_close) int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) < 0)
		return err_errno(err, errno, "listen on %s:%u", address, port);
	if (bind(fd, (const struct sockaddr *)&at, size) < 0 || listen(fd, BACKLOG) < 0) {
		if (errno == EADDRINUSE)
			return err_set(err, RC_CONFLICT,
				       "port %u of %s is taken: choose another one, or 0 for none",
				       port, address);
		return err_errno(err, errno, "listen on %s:%u", address, port);
	}
	size = sizeof(at);
	if (getsockname(fd, (struct sockaddr *)&at, &size) < 0)
		return err_errno(err, errno, "listen on %s:%u", address, port);
	*ret_port = port_of(&at);
	*ret_fd = fd;
	fd = -1;
	return RC_OK;
}
