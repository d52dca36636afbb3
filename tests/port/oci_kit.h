/* A small image for the suites of containers: busybox and a few links to it, as an OCI layout in a folder. */
#pragma once
#include "unit/unit.h"

#include "base/digest.h"
#include "base/mem.h"
#include "clients/oci.h"
#include "clients/tar.h"
#include "io/files.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define KIT_OK(call)                                            \
	do {                                                    \
		struct err kit_err = {0};                       \
		if ((call) != RC_OK)                            \
			fail_msg("%s: %s", #call, kit_err.msg); \
	} while (0)
#define BUSYBOX "/bin/busybox"

struct layout {
	char dir[64];
	const char *user, *ref;              /* NULL: none */
	const char *const *cmd;              /* NULL: none */
	const char *extra_path, *extra_text; /* one more file */
	char manifest[DIGEST_HEX + 8];
	uint64_t manifest_size;
};

static UNUSED bool layout_possible(void)
{
	return access(BUSYBOX, X_OK) == 0;
}

static inline char *layout_put(const struct layout *l, struct str bytes)
{
	AUTO(freep) char *hex = digest_hex_dup(bytes);
	AUTO(freep) char *path = xasprintf("%s/blobs/sha256/%s", l->dir, hex);

	KIT_OK(file_write_fast(path, bytes, 0644, &kit_err));
	return xasprintf("sha256:%s", hex);
}

static inline void layout_file(struct tar_out *t, const char *path, struct str bytes, uint32_t mode)
{
	struct tar_entry e = {.path = path, .kind = TAR_FILE, .mode = mode, .size = bytes.n};

	KIT_OK(tar_add(t, &e, &kit_err));
	KIT_OK(tar_data(t, bytes.p, bytes.n, &kit_err));
}

static inline void layout_tar(const struct layout *l, const char *path)
{
	static const char *const dirs[] = {"bin", "etc", "tmp", "root", "var", "var/data"};
	static const char *const applets[] = {
		"sh",     "echo",  "cat",   "ls",    "sleep", "mkdir",   "touch",  "id",
		"true",   "false", "env",   "head",  "grep",  "tr",      "rm",     "ln",
		"mkfifo", "nc",    "test",  "mknod", "ps",    "kill",    "chown",  "chmod",
		"seq",    "dd",    "httpd", "wget",  "pwd",   "stat",    "setsid", "date",
		"cp",     "mv",    "find",  "wc",    "sort",  "hostname"};
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	AUTO(strbuf_done) struct strbuf box = STRBUF((size_t)8 << 20);
	struct tar_out *t = tar_out_new(fd);

	KIT_OK(file_read(BUSYBOX, (size_t)8 << 20, &box, &kit_err));
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		struct tar_entry e = {.path = dirs[i], .kind = TAR_DIR, .mode = 0755};
		if (l->user && !strcmp(dirs[i], "var/data"))
			e.uid = e.gid = 1234;
		KIT_OK(tar_add(t, &e, &kit_err));
	}
	layout_file(t, "bin/busybox", strbuf_str(&box), 0755);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		AUTO(freep) char *name = xasprintf("bin/%s", applets[i]);
		struct tar_entry e = {
			.path = name, .link = "busybox", .kind = TAR_LINK, .mode = 0777};
		KIT_OK(tar_add(t, &e, &kit_err));
	}
	layout_file(t, "etc/passwd",
		    STR("root:x:0:0:root:/root:/bin/sh\nrunner:x:1234:1234::/var/data:/bin/sh\n"),
		    0644);
	layout_file(t, "etc/group", STR("root:x:0:\nrunner:x:1234:\n"), 0644);
	layout_file(t, "etc/image-release", STR("the image\n"), 0644);
	if (l->extra_path)
		layout_file(t, l->extra_path, str_of(l->extra_text), 0755);
	KIT_OK(tar_end(t, &kit_err));
	tar_out_free(t);
	close(fd);
}

static inline struct oci_desc layout_desc(const char *type, char *digest, uint64_t size)
{
	return (struct oci_desc){
		.mediaType = (char *)(uintptr_t)type, .digest = digest, .size = size};
}

static UNUSED void layout_make(struct layout *l)
{
	static char arch[16], os[] = "linux", kind[] = "layers", env[] = "FROM_IMAGE=yes",
			      path[] = "PATH=/bin:/usr/bin";
	AUTO(freep) char *blobs = NULL, *tar = NULL, *index = NULL;
	AUTO(strbuf_done)
	struct strbuf layer = STRBUF((size_t)16 << 20), config = STRBUF(65536),
		      manifest = STRBUF(65536), text = STRBUF(65536);
	struct oci_config c = {.os = os, .rootfs = {.type = kind}};
	struct oci_manifest m = {.schemaVersion = 2, .mediaType = (char *)(uintptr_t)OCI_MANIFEST};
	struct oci_index x = {.schemaVersion = 2};

	strcpy(l->dir, "/tmp/penstock-layout-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	blobs = xasprintf("%s/blobs/sha256", l->dir);
	KIT_OK(dir_make(blobs, 0755, &kit_err));
	tar = xasprintf("%s/layer", l->dir);
	layout_tar(l, tar);
	KIT_OK(file_read(tar, (size_t)16 << 20, &layer, &kit_err));
	char *layer_digest = layout_put(l, strbuf_str(&layer));
	strcpy(arch, oci_architecture());
	c.architecture = arch;
	c.config.User = (char *)(uintptr_t)l->user;
	vec_push(&c.config.Env, env);
	vec_push(&c.config.Env, path);
	for (size_t i = 0; l->cmd && l->cmd[i]; i++)
		vec_push(&c.config.Cmd, (char *)(uintptr_t)l->cmd[i]);
	vec_push(&c.rootfs.diff_ids, layer_digest);
	oci_write(&shape_oci_config, &c, &config);
	char *config_digest = layout_put(l, strbuf_str(&config));
	m.config = layout_desc(OCI_CONFIG, config_digest, config.n);
	vec_push(&m.layers, layout_desc(OCI_LAYER_TAR, layer_digest, layer.n));
	oci_write(&shape_oci_manifest, &m, &manifest);
	char *digest = layout_put(l, strbuf_str(&manifest));
	struct oci_desc d = layout_desc(OCI_MANIFEST, digest, manifest.n);
	d.annotations.ref = (char *)(uintptr_t)l->ref;
	vec_push(&x.manifests, d);
	oci_write(&shape_oci_index, &x, &text);
	index = xasprintf("%s/index.json", l->dir);
	KIT_OK(file_write_fast(index, strbuf_str(&text), 0644, &kit_err));
	strcpy(l->manifest, digest);
	l->manifest_size = manifest.n;
	vec_done(&c.config.Env);
	vec_done(&c.config.Cmd);
	vec_done(&c.rootfs.diff_ids);
	vec_done(&m.layers);
	vec_done(&x.manifests);
	unlink(tar);
	xfree(layer_digest);
	xfree(config_digest);
	xfree(digest);
}

static UNUSED void layout_drop(struct layout *l)
{
	struct err err = {0};

	(void)!tree_remove(l->dir, &err);
}
