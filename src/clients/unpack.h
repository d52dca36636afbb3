/*
 * Laying out an image layer (a tar archive, OCI image-spec "Image Layer Filesystem Changeset") in a folder. The archive is not believed: every folder
 * is opened from the one above it without following links, so nothing is ever written or removed outside; devices, pipes, "..", absolute names and
 * links that climb above the root are RC_INVALID. Owners are kept when we may (root), set-user-id bits never.
 */
#pragma once
#include "clients/tar.h"

#define UNPACK_DEPTH_MAX 64u

struct unpack_limits {
	uint64_t bytes;
	uint32_t entries;
	bool skip_devices; /* leave devices and pipes out: what runs there gets a /dev of its own */
};                         /* what is left; counted down. Exceeded: RC_TOO_BIG */

/* fd: the layer, at its start, seekable (read twice: whiteouts concern the layers below only, wherever they stand in the archive). root: the folder. */
MUST_CHECK enum rc unpack_layer(int fd, enum tar_packing packing, int root,
				struct unpack_limits *left, struct err *err);
