# Fine-Gray with censoring groups of which one ends before the last event, in cmprsk's crr.
# Run: Rscript censoring_groups.R; writes censoring_groups.json and censoring_groups.sessionInfo.txt beside it.
library(cmprsk)
library(jsonlite)
data <- data.frame(
  t = c(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), c = c(2, 1, 2, 1, 0, 1, 2, 1, 0, 1, 1, 1),
  g = c(0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1), x = c(1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0)
)
fit <- function(fifth) {
  data$t[5] <- fifth
  crr(data$t, data$c, as.matrix(data$x), cengroup = data$g, gtol = 1e-14)$coef[[1]]
}
cases <- lapply(c(5, 2.5), function(fifth) list(fifth = fifth, coef = fit(fifth)))
write(toJSON(list(data = data, cases = cases), digits = 15, auto_unbox = TRUE, dataframe = "columns"),
      "censoring_groups.json")
writeLines(capture.output(sessionInfo()), "censoring_groups.sessionInfo.txt")
