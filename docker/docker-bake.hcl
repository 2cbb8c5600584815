# docker buildx bake -f docker/docker-bake.hcl   (from the top directory, after `make dist`)

variable "IMAGE" {
  default = "harden"
}

variable "VERSION" {
  default = "latest"
}

variable "REVISION" {
  default = "unknown"
}

variable "SOURCE" {
  default = "https://github.com/OWNER/harden"
}

target "default" {
  context    = "target/dist"
  dockerfile = "../../docker/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  args       = { VERSION = VERSION, REVISION = REVISION, SOURCE = SOURCE }
  tags       = distinct(["${IMAGE}:${VERSION}", "${IMAGE}:latest"])
  annotations = [
    "index,manifest:org.opencontainers.image.source=${SOURCE}",
    "index,manifest:org.opencontainers.image.revision=${REVISION}",
    "index,manifest:org.opencontainers.image.version=${VERSION}",
    "index,manifest:org.opencontainers.image.licenses=MIT OR Apache-2.0",
    "index,manifest:org.opencontainers.image.description=Hardens a container image's root file system in place, then removes itself",
  ]
}
