# What R's haven reads in the transport files of the example: values, labels, types, and the lengths of the headers.
#   python tests/reference/adam/write_xpt.py DIR
#   Rscript tests/reference/adam/haven.R DIR tests/reference/adam/haven.json
# sessionInfo() goes to haven.sessionInfo.txt beside the output.
library(haven)
library(jsonlite)

arguments <- commandArgs(trailingOnly = TRUE)
files <- sort(list.files(arguments[1], pattern = "[.]xpt$", full.names = TRUE))

# Lengths stand in bytes 5-6 of each 140-byte NAMESTR (SAS TS-140); haven itself does not hand them on.
lengths_of <- function(file) {
  raw <- readBin(file, "raw", n = file.info(file)$size)
  count <- as.integer(rawToChar(raw[(560 + 55):(560 + 58)]))
  sapply(seq_len(count), function(i) {
    at <- 640 + (i - 1) * 140
    as.integer(raw[at + 5]) * 256L + as.integer(raw[at + 6])
  })
}

out <- lapply(files, function(file) {
  data <- read_xpt(file)
  columns <- lapply(seq_along(data), function(i) {
    x <- data[[i]]
    list(
      name = names(data)[i],
      label = attr(x, "label"),
      class = if (inherits(x, "Date")) "Date" else class(as.vector(x))[1],
      length = lengths_of(file)[i],
      # 17 digits tell every double apart; jsonlite itself prints 15
      values = if (inherits(x, "Date")) format(x, "%Y-%m-%d")
               else if (is.numeric(x)) ifelse(is.na(x), NA_character_, sprintf("%.17g", as.vector(x)))
               else as.vector(x)
    )
  })
  list(file = basename(file), label = attr(data, "label"), records = nrow(data),
       md5 = unname(tools::md5sum(file)), columns = columns)
})
write_json(out, arguments[2], auto_unbox = TRUE, na = "null", digits = NA)
session <- capture.output(sessionInfo())
session <- session[!grepl("^(BLAS|LAPACK)|Matrix products", session)]
writeLines(session, sub("[.]json$", ".sessionInfo.txt", arguments[2]))
