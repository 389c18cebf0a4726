// What needs no cell is drawn at once, then the list of cells and whatever shows one.
theme();
head();
filters();
ranks();
tables();
audits();
card();
places();
performance.mark('tables');
CELLS = await part('cells');
figures();
INSIDE = await part('inside');
classesAndImages();
cellList();
drawerAddress();
search();
performance.mark('cells');
dispatchEvent(new Event('drawn'));
