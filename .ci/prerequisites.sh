# Sourced by .ci/run. Installs what the deeper suites need and this machine lacks, so that nothing has to be skipped:
# Chromium for the page of millrace dev, Go for the S3 server, a JDK and Maven for the Kafka broker and the Java client, Python for librdkafka and MiniStack.
# Each is taken from where it is, else from apt.

GO_VERSION=1.25.0 # what versitygw's go.mod asks for

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi; }

# Go before 1.21 cannot fetch a newer Go by itself, but can download it as the module that it is published as.
newer_go() {
  local dir
  dir=$(go mod download -json "golang.org/toolchain@v0.0.1-go$GO_VERSION.linux-$(go env GOARCH)" | sed -n 's/^\t"Dir": "\(.*\)",$/\1/p')
  [ -d "$dir" ] || return 1
  mkdir -p .cache && rm -rf ".cache/go$GO_VERSION" && cp -r "$dir" ".cache/go$GO_VERSION" || return 1
  chmod -R u+w ".cache/go$GO_VERSION" && find ".cache/go$GO_VERSION/bin" ".cache/go$GO_VERSION/pkg/tool" -type f -exec chmod +x {} +
  export PATH="$PWD/.cache/go$GO_VERSION/bin:$PATH"
}

# As tools/chromium.ts looks for it.
has_chromium() { [ -n "${MILLRACE_TEST_CHROMIUM:-}" ] || command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable; } >/dev/null

missing_packages() {
  command -v go >/dev/null || echo golang-go
  command -v javac >/dev/null || echo default-jdk-headless
  command -v mvn >/dev/null || echo maven
  python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
  has_chromium || echo chromium
}

# SQS and SNS for the tests of destinations; tools/run-tests.ts names the same version.
MINISTACK_VERSION=1.5.33
install_ministack() {
  [ "$(.cache/ministack/bin/pip show ministack 2>/dev/null | sed -n 's/^Version: //p')" = "$MINISTACK_VERSION" ] && return
  rm -rf .cache/ministack && python3 -m venv .cache/ministack && .cache/ministack/bin/pip install -q --disable-pip-version-check "ministack==$MINISTACK_VERSION"
}

install_prerequisites() {
  local packages minor
  [ -x /usr/local/go/bin/go ] && export PATH="$PATH:/usr/local/go/bin"
  packages=$(missing_packages)
  if [ -n "$packages" ]; then
    echo "Installing" $packages "with apt-get: a minute or two."
    # shellcheck disable=SC2086
    as_root apt-get update -qq && as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null || return 1
  fi
  [ -d ".cache/go$GO_VERSION" ] && export PATH="$PWD/.cache/go$GO_VERSION/bin:$PATH"
  minor=$(go version | sed -n 's/.*go1\.\([0-9]*\).*/\1/p')
  if [ "${minor:-0}" -lt 21 ]; then newer_go || return 1; fi
  install_ministack || return 1
  echo "$(go version | cut -d' ' -f3), $(javac -version 2>&1), $(mvn -B -Dstyle.color=never -v 2>/dev/null | head -1), $(python3 --version)"
}
