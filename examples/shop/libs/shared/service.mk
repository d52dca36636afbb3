# A service: one static binary, out/app, so that its image needs nothing but that file.
include ../../libs/shared/unit.mk
LIBSHARED := $(SHARED)/out/libshared.a
# Everything but main.c can be linked into the tests.
LOGIC     := $(filter-out src/main.c,$(SOURCES))

lint:
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fsyntax-only $(SOURCES) $(TESTS)
	@! grep -n '[[:space:]]$$' $(SOURCES) $(TESTS) $(wildcard src/*.h)
	@echo "$(NAME): lint passed"

build: out/app

# Penstock builds the library in a job of its own and shows us its output; a plain `make` in a fresh
# clone builds it here.
$(LIBSHARED):
	$(MAKE) -C $(SHARED) build

out/app: $(SOURCES) $(HEADERS) $(LIBSHARED)
	@mkdir -p out
	@echo "CC $@"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -static -s -Wl,--build-id=none -o $@ $(SOURCES) $(LIBSHARED) -lm

obj/test: $(LOGIC) $(TESTS) $(HEADERS) $(LIBSHARED)
	@mkdir -p obj
	@$(CC) $(CPPFLAGS) $(CFLAGS) -O0 -o $@ $(LOGIC) $(TESTS) $(LIBSHARED) -lm

test: obj/test
	@mkdir -p out
	@./obj/test

clean:
	rm -rf out obj
