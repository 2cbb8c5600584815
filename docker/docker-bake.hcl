# docker buildx bake -f docker/docker-bake.hcl   (from the top directory, after `make dist`)

variable "IMAGE" {
  default = "harden"
}

variable "VERSION" {
  default = "latest"
}

target "default" {
  context    = "target/dist"
  dockerfile = "../../docker/Dockerfile"
  platforms  = ["linux/amd64", "linux/arm64"]
  tags       = ["${IMAGE}:${VERSION}"]
}
