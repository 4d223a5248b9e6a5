// The data of the report, as its files hand it over.
window.finecopsData = (name, text) => {};
