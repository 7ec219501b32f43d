variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cross_region_copies" {
  description = "Whether copies are kept in the other region."
  type        = bool
}
